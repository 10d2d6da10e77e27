package consumer

import (
	"cmp"
	"fmt"
	"time"

	"ingestion/internal/retry"
	"ingestion/streams"
)

// read receives batches and starts to process each of them, until fetchCtx ends or
// the budget is spent.
func (c *Consumer) read() {
	outage, pauses := c.outages.watch("Redis"), retry.Policy{}.Start()
	defer outage.end(false)
	reader := &c.opts.Pulse.reader
	defer reader.idle()
	for seq := 0; c.waitForGate() == nil; seq++ {
		reader.doing(waitingForBatches, c.batchTimeout())
		b, limit := c.reserve()
		if b == nil {
			return
		}
		reader.doing("receiving", cmp.Or(c.opts.ReceiveTimeout, time.Minute))
		deliveries, err := c.receive(limit)
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
		outage.failed(c.fetchCtx, fmt.Errorf("reading: %w", err))
		if pauses.Wait(c.fetchCtx) != nil {
			return
		}
		// The next Receive reclaims expired leases. Renew ours, so that they are not
		// among them; if that fails, it is logged by the heartbeat.
		reader.doing("renewing leases", c.leases.renewTimeout()+hangSlack)
		_ = c.leases.renew(c.fetchCtx)
	}
}

func (c *Consumer) waitForGate() error {
	c.opts.Pulse.reader.idle()
	return c.opts.Gate.Wait(c.fetchCtx)
}

// batchTimeout is how long no batch makes progress unless they hang: batches that are
// stuck are interrupted after a while, and one command of the store takes two minutes at
// most.
func (c *Consumer) batchTimeout() time.Duration { return stuckAfter*c.opts.Lease + 3*time.Minute }

// receive receives a batch. The wait for one ends when the gate shuts.
func (c *Consumer) receive(limit int) ([]streams.Delivery, error) {
	open, cancel := c.opts.Gate.whileOpen(c.fetchCtx)
	defer cancel()
	ctx, stage := c.observers.begin(open, Receive, nil)
	deliveries, err := c.queue.Receive(ctx, limit)
	stage.end(Result{Err: err, Records: len(deliveries), Deliveries: deliveries})
	return deliveries, err
}

// reserve waits for what a batch needs before it is received: a buffer, a part of the
// budget and a permit of the exclusive gate. The batch may have limit deliveries. It
// is nil once the budget is spent or fetchCtx has ended.
func (c *Consumer) reserve() (b *batch, limit int) {
	select {
	case b = <-c.idle:
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

// release makes the buffer and the permit of a batch available to the next one.
func (c *Consumer) release(b *batch) {
	if b.permit != nil {
		b.permit.release()
	}
	b.reset(c.opts.BatchSize)
	c.idle <- b
}

// start processes a batch in a goroutine of its own.
func (c *Consumer) start(b *batch, deliveries []streams.Delivery) {
	c.inFlight.Go(func() {
		defer c.release(b)
		c.processBatch(b, deliveries)
	})
}
