package consumer

import (
	"context"
	"fmt"

	"ingestion/streams"
)

// read takes batches off the queue while there is room, and has each worked on
// beside the next read.
func (c *Consumer) read(ctx, workCtx context.Context, q streams.Queue, held *leases, back *returns) {
	patience := c.troubles.patience("Redis")
	for c.opts.Gate.Wait(ctx) == nil {
		slot := c.acquire(ctx)
		if slot == nil {
			return
		}
		n := c.budget.take(ctx, c.opts.BatchSize)
		if n == 0 {
			c.release(slot)
			return
		}
		inside := c.room.enter(ctx)
		if inside == nil {
			c.budget.done(0, n)
			c.release(slot)
			return
		}
		deliveries, err := q.Receive(ctx, n)
		c.budget.done(0, n-len(deliveries))
		if len(deliveries) > 0 {
			patience.recovered()
			c.start(workCtx, q, held, back, slot, inside, deliveries)
			continue
		}
		inside.leave()
		c.release(slot)
		if err == nil {
			patience.recovered()
		} else {
			if patience.wait(ctx, fmt.Errorf("reading: %w", err)) != nil {
				return
			}
			// The next read looks for lapsed leases: ours must not be among them.
			_ = held.renew(ctx)
		}
	}
}

// acquire waits for a free slot; nil if ctx ends first.
func (c *Consumer) acquire(ctx context.Context) *batch {
	select {
	case b := <-c.slots:
		return b
	case <-ctx.Done():
		return nil
	}
}

func (c *Consumer) release(b *batch) {
	b.end(c.opts.BatchSize)
	c.slots <- b
}

func (c *Consumer) start(workCtx context.Context, q streams.Queue, held *leases, back *returns, slot *batch, inside *pass, deliveries []streams.Delivery) {
	place := back.place()
	c.work.Go(func() {
		defer c.release(slot)
		defer inside.leave()
		ctx, lease := held.hold(workCtx, deliveries)
		defer lease.end()
		var settled int
		var open, barred []streams.Delivery
		if deliveries[0].Quarantined {
			settled, open, barred = c.processSuspect(ctx, q, lease, slot, inside, deliveries[0])
		} else {
			settled, open, barred = c.process(ctx, ctx, q, lease, slot, deliveries)
		}
		switch {
		case len(open) == 0:
		case c.opts.Lease > 0:
			patient := lastWords
			if deliveries[0].Quarantined {
				patient = afterwards // untold, its try would count as a death
			}
			ctx, cancel := patient(workCtx)
			c.handBack(ctx, q, open)
			cancel()
		default:
			back.add(place, open)
		}
		c.putOff(ctx, q, back, place, barred)
		c.budget.done(settled, len(deliveries)-settled)
	})
}
