package consumer

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// Gate holds readers back while what they would read could not be worked on.
// It is shut for one or more causes, each with a reason, and open when none is
// left. It is safe for concurrent use; use NewGate.
type Gate struct {
	mu      sync.Mutex
	open    chan struct{} // closed while the gate is open
	shut    chan struct{} // closed while it is shut
	reasons map[string]string
}

// NewGate returns an open gate.
func NewGate() *Gate {
	g := &Gate{open: make(chan struct{}), shut: make(chan struct{}), reasons: map[string]string{}}
	close(g.open)
	return g
}

// Shut closes the gate for a cause, such as a server's name, or changes the
// reason of that cause.
func (g *Gate) Shut(cause, reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.reasons) == 0 {
		g.open = make(chan struct{})
		close(g.shut)
	}
	g.reasons[cause] = reason
}

// Open ends a cause; the gate is open when there is no other.
func (g *Gate) Open(cause string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, there := g.reasons[cause]; !there {
		return
	}
	delete(g.reasons, cause)
	if len(g.reasons) == 0 {
		close(g.open)
		g.shut = make(chan struct{})
	}
}

// Reason says why the gate is shut; empty while it is open.
func (g *Gate) Reason() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	reasons := make([]string, 0, len(g.reasons))
	for _, reason := range g.reasons {
		reasons = append(reasons, reason)
	}
	slices.Sort(reasons)
	return strings.Join(reasons, "; ")
}

// Wait returns once the gate is open, or with ctx's error.
func (g *Gate) Wait(ctx context.Context) error {
	open, _ := g.states()
	select {
	case <-open:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// whileOpen is ctx, ended also when the gate shuts.
func (g *Gate) whileOpen(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	_, shut := g.states()
	go func() {
		select {
		case <-shut:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func (g *Gate) states() (open, shut <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open, g.shut
}
