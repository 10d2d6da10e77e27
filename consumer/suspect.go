package consumer

import (
	"context"
	"fmt"

	"ingestion/record"
	"ingestion/streams"
)

// processSuspect works on an entry that may kill its worker while the process
// holds nothing else. It is poisoned where that has killed too often already.
func (c *Consumer) processSuspect(ctx context.Context, q streams.Queue, held *lease, b *batch, inside *pass, d streams.Delivery) (settled int, open, barred []streams.Delivery) {
	if d.Exhausted() {
		b.begin([]streams.Delivery{d})
		b.all[0].end(record.Poisoned, fmt.Sprintf("it was delivered %d times, and %d lone attempts killed their worker or panicked", d.Deliveries, d.Attempts))
		settled, open = c.settle(ctx, q, b)
		return settled, open, nil
	}
	if !inside.getAlone(ctx) {
		return 0, []streams.Delivery{d}, nil
	}
	return c.try(ctx, q, held, b, d)
}

// try begins an attempt only when the servers answer, and gives up when the
// gate shuts: a worker that is killed while it waits for them does not die of
// the entry.
func (c *Consumer) try(ctx context.Context, q streams.Queue, held *lease, b *batch, d streams.Delivery) (settled int, open, barred []streams.Delivery) {
	whileOpen, cancel := c.opts.Gate.whileOpen(ctx)
	defer cancel()
	if c.reading.Err() != nil || c.awaitStore(whileOpen) != nil {
		return 0, []streams.Delivery{d}, nil
	}
	held.progress()
	tried, ours := d, false
	err := c.troubles.insist(whileOpen, "Redis", func() (err error) {
		tried, ours, err = q.BeginAttempt(whileOpen, d)
		return err
	})
	switch {
	case err != nil:
		return 0, []streams.Delivery{tried}, nil
	case !ours:
		return 0, nil, nil
	default:
		return c.attempt(ctx, whileOpen, q, held, b, tried)
	}
}

// attempt works on a suspect. A panic counts as a death if others have come
// through the same stage since it panicked last: else it may be nobody's fault
// that is here.
func (c *Consumer) attempt(ctx, judging context.Context, q streams.Queue, held *lease, b *batch, d streams.Delivery) (settled int, open, barred []streams.Delivery) {
	sound := c.health.sound()
	settled, open, barred = c.process(ctx, judging, q, held, b, []streams.Delivery{d})
	if p := b.all[0].panicked; p != nil {
		for i := range barred {
			barred[i].Failed = sound[p.at]
		}
	}
	return settled, open, barred
}

func (c *Consumer) awaitStore(ctx context.Context) error {
	if c.opts.Probe == nil {
		return ctx.Err()
	}
	return c.troubles.insist(ctx, "MongoDB", func() error { return c.opts.Probe(ctx) })
}
