package consumer

import (
	"fmt"

	"ingestion/internal/retry"
	"ingestion/streams"
)

// read receives batches and starts to process each of them, until fetchCtx ends or
// the budget is spent.
func (c *Consumer) read() {
	outage, pauses := c.outages.watch("Redis"), retry.Policy{}.Start()
	defer outage.end(false)
	for seq := 0; c.opts.Gate.Wait(c.fetchCtx) == nil; seq++ {
		b, limit := c.reserve()
		if b == nil {
			return
		}
		deliveries, err := c.queue.Receive(c.fetchCtx, limit)
		c.budget.done(0, limit-len(deliveries))
		if len(deliveries) > 0 {
			b.seq = seq
			c.start(b, deliveries)
		} else {
			c.release(b)
		}
		if err == nil || len(deliveries) > 0 {
			outage.end(true)
			pauses.Reset()
			continue
		}
		outage.failed(fmt.Errorf("reading: %w", err))
		if pauses.Wait(c.fetchCtx) != nil {
			return
		}
		// The next Receive reclaims expired leases. Renew ours, so that they are not
		// among them; if that fails, it is logged by the heartbeat.
		_ = c.leases.renew(c.fetchCtx)
	}
}

// reserve waits for what a batch needs before it is received: a slot, a part of the
// budget and a permit of the exclusive gate. The batch may have limit deliveries. It
// is nil once the budget is spent or fetchCtx has ended.
func (c *Consumer) reserve() (b *batch, limit int) {
	select {
	case b = <-c.slots:
	case <-c.fetchCtx.Done():
		return nil, 0
	}
	if limit = c.budget.take(c.fetchCtx, c.opts.BatchSize); limit > 0 {
		if b.permit = c.exclusive.enter(c.fetchCtx); b.permit != nil {
			return b, limit
		}
		c.budget.done(0, limit)
	}
	c.release(b)
	return nil, 0
}

// release makes the slot and the permit of a batch available to the next one.
func (c *Consumer) release(b *batch) {
	if b.permit != nil {
		b.permit.release()
	}
	b.reset(c.opts.BatchSize)
	c.slots <- b
}

// start processes a batch in a goroutine of its own.
func (c *Consumer) start(b *batch, deliveries []streams.Delivery) {
	c.inFlight.Go(func() {
		defer c.release(b)
		c.processBatch(b, deliveries)
	})
}
