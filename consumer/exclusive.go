package consumer

import (
	"context"
	"sync"
)

// exclusiveGate admits any number of batches at the same time, or a quarantined one
// exclusively. Exclusive waiters have priority, to prevent starvation.
type exclusiveGate struct {
	mu        sync.Mutex
	changed   *sync.Cond
	shared    int  // batches inside
	exclusive bool // a quarantined batch is inside
	waiting   int  // for exclusive access
}

func newExclusiveGate() *exclusiveGate {
	g := &exclusiveGate{}
	g.changed = sync.NewCond(&g.mu)
	return g
}

// permit is the right of one batch to be inside. One goroutine at a time uses it.
type permit struct {
	gate      *exclusiveGate
	exclusive bool
	released  bool
}

// enter waits for shared access. It returns nil if ctx ends first.
func (g *exclusiveGate) enter(ctx context.Context) *permit {
	if !g.wait(ctx, func() bool { return !g.exclusive && g.waiting == 0 }, func() { g.shared++ }) {
		return nil
	}
	return &permit{gate: g}
}

// makeExclusive gives up shared access and waits for exclusive access. If ctx ends
// first, it returns false and the permit is released.
func (p *permit) makeExclusive(ctx context.Context) bool {
	p.release()
	g := p.gate
	g.addWaiting(1)
	defer g.addWaiting(-1)
	p.exclusive = g.wait(ctx, func() bool { return !g.exclusive && g.shared == 0 }, func() { g.exclusive = true })
	p.released = !p.exclusive
	return p.exclusive
}

// release may be called more than once.
func (p *permit) release() {
	if p.released {
		return
	}
	p.released = true
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	if p.exclusive {
		p.gate.exclusive = false
	} else {
		p.gate.shared--
	}
	p.gate.changed.Broadcast()
}

func (g *exclusiveGate) addWaiting(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting += n
	g.changed.Broadcast()
}

// wait calls enter once free holds, both under the lock. It returns false, without
// calling enter, if ctx ends first.
func (g *exclusiveGate) wait(ctx context.Context, free func() bool, enter func()) bool {
	defer context.AfterFunc(ctx, func() { g.addWaiting(0) })() // wakes this waiter
	g.mu.Lock()
	defer g.mu.Unlock()
	for !free() && ctx.Err() == nil {
		g.changed.Wait()
	}
	if ctx.Err() != nil {
		return false
	}
	enter()
	return true
}
