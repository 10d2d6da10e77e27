package consumer

import (
	"context"
	"sync"
)

// room is where batches are worked on: many at a time, or a suspect alone. Who
// wants to be alone goes first, so that it need not wait for ever.
type room struct {
	mu      sync.Mutex
	changed *sync.Cond
	inside  int
	waiting int // for being alone
	alone   bool
}

func newRoom() *room {
	r := &room{}
	r.changed = sync.NewCond(&r.mu)
	return r
}

// pass is the leave to be in the room. It is used by one goroutine at a time.
type pass struct {
	room  *room
	alone bool
	gone  bool
}

// enter waits while somebody is alone or wants to be; nil if ctx ends first.
func (r *room) enter(ctx context.Context) *pass {
	if !r.await(ctx, func() bool { return !r.alone && r.waiting == 0 }, func() { r.inside++ }) {
		return nil
	}
	return &pass{room: r}
}

// getAlone waits until nobody else is in the room. If ctx ends first, it is
// false and the pass is used up.
func (p *pass) getAlone(ctx context.Context) bool {
	p.leave()
	r := p.room
	r.count(1)
	defer r.count(-1)
	p.alone = r.await(ctx, func() bool { return !r.alone && r.inside == 0 }, func() { r.alone = true })
	p.gone = !p.alone
	return p.alone
}

// leave may be called again.
func (p *pass) leave() {
	if p.gone {
		return
	}
	p.gone = true
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.alone {
		p.room.alone = false
	} else {
		p.room.inside--
	}
	p.room.changed.Broadcast()
}

func (r *room) count(waiting int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting += waiting
	r.changed.Broadcast()
}

func (r *room) await(ctx context.Context, free func() bool, enter func()) bool {
	defer context.AfterFunc(ctx, func() { r.count(0) })()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !free() && ctx.Err() == nil {
		r.changed.Wait()
	}
	if ctx.Err() != nil {
		return false
	}
	enter()
	return true
}
