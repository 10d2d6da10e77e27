package consumer

import (
	"context"
	"sync"
)

// budget shares out the deliveries that may still be taken when a worker is to
// settle an exact number of them.
type budget struct {
	mu        sync.Mutex
	changed   *sync.Cond
	unlimited bool
	left      int64 // not yet promised to anybody
	promised  int64 // taken, neither settled nor returned
	next      int64 // turn that is given to who asks next
	turn      int64 // whose turn it is: readers of empty queues don't push in
}

func newBudget(max int64) *budget {
	b := &budget{left: max, unlimited: max == 0}
	b.changed = sync.NewCond(&b.mu)
	return b
}

// take promises 1 to want deliveries to one of readers many, in the order in
// which they ask. It waits while all are promised, since some may be returned.
// It returns 0 once all are settled or ctx has ended.
func (b *budget) take(ctx context.Context, want, readers int) int {
	if b.unlimited {
		return want
	}
	defer context.AfterFunc(ctx, b.wake)()
	b.mu.Lock()
	defer b.mu.Unlock()
	mine := b.next
	b.next++
	for (b.turn != mine || b.left == 0 && b.promised > 0) && ctx.Err() == nil {
		b.changed.Wait()
	}
	if ctx.Err() != nil {
		return 0
	}
	b.turn++
	b.changed.Broadcast()
	share := (b.left + int64(readers) - 1) / int64(readers)
	n := min(int64(want), share)
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
