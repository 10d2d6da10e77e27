package consumer

import (
	"context"
	"sync"
)

// budget counts the deliveries that may still be taken when a worker is to
// settle an exact number of them.
type budget struct {
	mu        sync.Mutex
	changed   *sync.Cond
	unlimited bool
	left      int64 // not yet promised
	promised  int64 // taken, neither settled nor returned
}

func newBudget(max int64) *budget {
	b := &budget{left: max, unlimited: max == 0}
	b.changed = sync.NewCond(&b.mu)
	return b
}

// take promises 1 to want deliveries. It waits while all are promised, since
// some may be returned. It returns 0 once all are settled or ctx has ended.
func (b *budget) take(ctx context.Context, want int) int {
	if b.unlimited {
		return want
	}
	defer context.AfterFunc(ctx, b.wake)()
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.left == 0 && b.promised > 0 && ctx.Err() == nil {
		b.changed.Wait()
	}
	if ctx.Err() != nil {
		return 0
	}
	n := min(int64(want), b.left)
	b.left -= n
	b.promised += n
	return int(n)
}

func (b *budget) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed.Broadcast()
}

// done says that of the promised deliveries some were settled and others
// returned or never received.
func (b *budget) done(settled, returned int) {
	if b.unlimited {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.promised -= int64(settled + returned)
	b.left += int64(returned)
	b.changed.Broadcast()
}
