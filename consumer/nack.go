package consumer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"ingestion/internal/plural"
	"ingestion/internal/retry"
	"ingestion/streams"
)

// delayedNacker is a queue that can delay the redelivery of what it gets back.
type delayedNacker interface {
	// NackWithDelay returns deliveries unsettled, to be delivered again after a
	// while, to this consumer or another one.
	NackWithDelay(ctx context.Context, held []streams.Delivery) error
}

// requeuer is a queue that can put deliveries behind all others.
type requeuer interface {
	Requeue(ctx context.Context, held []streams.Delivery) error
}

// requeueDelay is the pause before postponed deliveries are returned to a queue that
// can't delay them.
const requeueDelay = time.Second

// nackPostponed returns deliveries that can't be processed for now. A list gets them
// after a pause, during which they occupy their batch buffer: a crash would lose them
// then, so no more of them may wait than the buffers hold.
func (c *Consumer) nackPostponed(workCtx context.Context, b *batch, postponed []streams.Delivery) {
	if len(postponed) == 0 {
		return
	}
	method := c.queue.Nack
	if q, ok := c.queue.(delayedNacker); ok {
		method = q.NackWithDelay
	} else if retry.Sleep(c.fetchCtx, requeueDelay) != nil {
		c.unfinished.add(b.seq, postponed)
		return
	} else if q, ok := c.queue.(requeuer); ok {
		method = q.Requeue
	}
	ctx, cancel := nackCtx(workCtx, c.opts.Lease == 0) // without a lease, what is not returned is lost
	defer cancel()
	c.nack(ctx, method, postponed)
}

// nackUnfinished returns deliveries for which time ran out. Without leases they wait
// for nackAtShutdown.
func (c *Consumer) nackUnfinished(b *batch, quarantined bool, unfinished []streams.Delivery) {
	if len(unfinished) == 0 {
		return
	}
	if c.opts.Lease == 0 {
		c.unfinished.add(b.seq, unfinished)
		return
	}
	ctx, cancel := nackCtx(c.workCtx, quarantined) // what is not returned counts as an attempt that killed the worker
	defer cancel()
	c.nack(ctx, c.queue.Nack, unfinished)
}

// nackCtx returns a context for nack that ends grace from now or, if the deliveries
// must be returned, grace after ctx.
func nackCtx(ctx context.Context, must bool) (context.Context, context.CancelFunc) {
	if must {
		return withGrace(ctx)
	}
	return onlyGrace(ctx)
}

// nackAtShutdown returns the unfinished batches to a queue without leases, from the last
// one to the first: Nack puts each before those that were received after it.
func (c *Consumer) nackAtShutdown() {
	ctx, cancel := onlyGrace(c.fetchCtx)
	defer cancel()
	for _, seq := range slices.Backward(slices.Sorted(maps.Keys(c.unfinished.batches))) {
		c.nack(ctx, c.queue.Nack, c.unfinished.batches[seq])
	}
}

// nack passes deliveries to a method of the queue, and retries until that succeeds or
// ctx ends.
func (c *Consumer) nack(ctx context.Context, method func(context.Context, []streams.Delivery) error, deliveries []streams.Delivery) {
	err := c.outages.retry(ctx, "Redis", func() error { return method(ctx, deliveries) })
	if err != nil {
		c.abandon(fmt.Errorf("%s could not be returned to the queue: %w", plural.Of(len(deliveries), "delivery", "deliveries"), err))
	}
}

// unfinishedBatches collects the batches that a shutdown returns to a queue without
// leases. They end in any order, but a list has to get them back in its own.
type unfinishedBatches struct {
	mu      sync.Mutex
	batches map[int][]streams.Delivery // by batch.seq
}

func (u *unfinishedBatches) add(seq int, deliveries []streams.Delivery) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.batches == nil {
		u.batches = map[int][]streams.Delivery{}
	}
	u.batches[seq] = deliveries
}
