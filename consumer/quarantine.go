package consumer

import (
	"context"
	"fmt"

	"ingestion/internal/plural"
	"ingestion/record"
	"ingestion/streams"
)

// processQuarantined processes an entry that may kill its worker, while the process
// holds nothing else. It poisons the entry if too many attempts have killed theirs.
func (c *Consumer) processQuarantined(workCtx, decideCtx context.Context, b *batch, d streams.Delivery) result {
	if d.Exhausted() {
		b.begin([]streams.Delivery{d})
		b.items[0].end(record.Poisoned, fmt.Sprintf("delivered %s; %s or panicked", plural.Of(d.Deliveries, "time", "times"), plural.Of(d.Attempts, "quarantined attempt killed its worker", "quarantined attempts killed their worker")))
		settled, unsettled := c.settle(workCtx, b)
		return result{settled: settled, unfinished: unsettled}
	}
	if !b.permit.makeExclusive(decideCtx) {
		return result{unfinished: []streams.Delivery{d}}
	}
	return c.attempt(workCtx, decideCtx, b, d)
}

// attempt has the attempt counted and processes the entry. It begins only when the
// servers answer, and ends early when the gate shuts: a worker that is killed while it
// waits for a server is not killed by the entry.
func (c *Consumer) attempt(workCtx, decideCtx context.Context, b *batch, d streams.Delivery) result {
	attemptCtx, cancel := c.opts.Gate.whileOpen(decideCtx)
	defer cancel()
	if c.fetchCtx.Err() != nil || c.awaitStore(attemptCtx) != nil {
		return result{unfinished: []streams.Delivery{d}}
	}
	b.lease.progress()
	counted, held := d, false
	err := c.outages.retry(attemptCtx, "Redis", func() (err error) {
		counted, held, err = c.queue.BeginAttempt(attemptCtx, d)
		return err
	})
	if err != nil {
		return result{unfinished: []streams.Delivery{counted}}
	}
	if !held {
		return result{}
	}
	working := c.health.working()
	r := c.process(workCtx, attemptCtx, b, []streams.Delivery{counted})
	if p := b.items[0].panicked; p != nil {
		for i := range r.postponed {
			// The entry is to blame only if the stage works for others.
			r.postponed[i].Failed = working[p.at]
		}
	}
	return r
}

func (c *Consumer) awaitStore(ctx context.Context) error {
	if c.opts.Probe == nil {
		return ctx.Err()
	}
	return c.outages.retry(ctx, "MongoDB", func() error { return c.opts.Probe(ctx) })
}
