package consumer

import (
	"context"
	"fmt"

	"ingestion/streams"
)

// read takes batches off one queue while there is room, and has each worked on
// beside the next read.
func (c *Consumer) read(ctx, workCtx context.Context, q streams.Queue, held *leases, back *returns, readers int) {
	patience := newPatience(c.opts.Log, "Redis")
	for c.opts.Gate.Wait(ctx) == nil {
		if !c.acquire(ctx) {
			return
		}
		n := c.budget.take(ctx, c.opts.BatchSize, readers)
		if n == 0 {
			c.release()
			return
		}
		deliveries, err := q.Receive(ctx, n)
		c.budget.done(0, n-len(deliveries))
		if len(deliveries) > 0 {
			patience.recovered()
			c.start(workCtx, q, held, back, deliveries)
			continue
		}
		c.release()
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

func (c *Consumer) acquire(ctx context.Context) bool {
	select {
	case c.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *Consumer) release() { <-c.slots }

func (c *Consumer) start(ctx context.Context, q streams.Queue, held *leases, back *returns, deliveries []streams.Delivery) {
	place := back.place()
	c.work.Go(func() {
		defer c.release()
		ctx, lease := held.hold(ctx, deliveries)
		defer lease.end()
		settled, open, barred := c.process(ctx, q, lease, deliveries)
		switch {
		case len(open) == 0:
		case c.opts.Lease > 0:
			ctx, cancel := lastWords(ctx)
			c.handBack(ctx, q, open)
			cancel()
		default:
			back.add(place, open)
		}
		c.putOff(ctx, q, back, place, barred)
		c.budget.done(settled, len(deliveries)-settled)
	})
}
