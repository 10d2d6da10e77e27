package consumer

import (
	"context"
	"sync"
)

// budget limits how many deliveries are received, so that exactly MaxMessages are
// settled. It is safe for concurrent use.
type budget struct {
	mu        sync.Mutex
	changed   *sync.Cond
	unlimited bool
	free      int64 // may be taken
	taken     int64 // neither settled nor given back
}

// newBudget returns a budget of n deliveries; 0 means no limit.
func newBudget(n int64) *budget {
	b := &budget{free: n, unlimited: n == 0}
	b.changed = sync.NewCond(&b.mu)
	return b
}

// take takes 1 to want deliveries from the budget. If none is free, it waits: some may
// be given back. It returns 0 once all are settled or ctx has ended.
func (b *budget) take(ctx context.Context, want int) int {
	if b.unlimited {
		return want
	}
	defer context.AfterFunc(ctx, b.wake)()
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.free == 0 && b.taken > 0 && ctx.Err() == nil {
		b.changed.Wait()
	}
	if ctx.Err() != nil {
		return 0
	}
	n := min(int64(want), b.free)
	b.free -= n
	b.taken += n
	return int(n)
}

func (b *budget) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed.Broadcast()
}

// done gives back what was taken, except for the deliveries that were settled.
func (b *budget) done(settled, givenBack int) {
	if b.unlimited {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken -= int64(settled + givenBack)
	b.free += int64(givenBack)
	b.changed.Broadcast()
}
