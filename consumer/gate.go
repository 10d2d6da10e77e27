package consumer

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// Gate stops consumers from receiving while they could not process what they receive,
// for example because a server is down. It is shut while there is at least one cause,
// each of which has a reason. It is safe for concurrent use. Create it with NewGate.
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

// Shut adds a cause, for example the name of a server, or changes its reason.
func (g *Gate) Shut(cause, reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.reasons) == 0 {
		g.open = make(chan struct{})
		close(g.shut)
	}
	g.reasons[cause] = reason
}

// Open removes a cause. The gate opens when none is left.
func (g *Gate) Open(cause string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.reasons[cause]; !ok {
		return
	}
	delete(g.reasons, cause)
	if len(g.reasons) == 0 {
		close(g.open)
		g.shut = make(chan struct{})
	}
}

// Reason returns the reasons of all causes, separated by "; ". It is empty while the
// gate is open.
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

// Wait returns nil once the gate is open, or ctx's error as soon as ctx ends.
func (g *Gate) Wait(ctx context.Context) error {
	open, _ := g.states()
	select {
	case <-open:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// whileOpen returns a copy of ctx that also ends when the gate shuts.
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
