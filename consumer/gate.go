package consumer

import (
	"context"
	"sync"
)

// Gate holds readers back while what they would read could not be worked on.
// It is safe for concurrent use; the zero value is not ready, use NewGate.
type Gate struct {
	mu     sync.Mutex
	open   chan struct{} // closed while the gate is open
	reason string
}

// NewGate returns an open gate.
func NewGate() *Gate {
	g := &Gate{open: make(chan struct{})}
	close(g.open)
	return g
}

// Shut closes the gate, or changes the reason of a closed one.
func (g *Gate) Shut(reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reason == "" {
		g.open = make(chan struct{})
	}
	g.reason = reason
}

// Open opens the gate.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reason != "" {
		close(g.open)
		g.reason = ""
	}
}

// Reason says why the gate is shut; empty while it is open.
func (g *Gate) Reason() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reason
}

// Wait returns once the gate is open, or with ctx's error.
func (g *Gate) Wait(ctx context.Context) error {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	select {
	case <-open:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
