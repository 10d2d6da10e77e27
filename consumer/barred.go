package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"ingestion/limiter"
	"ingestion/streams"
)

// postponer is a queue that can keep deliveries back for a while by itself.
type postponer interface {
	// NackWithDelay hands deliveries back unsettled, to be delivered again after a
	// while, here or elsewhere.
	NackWithDelay(ctx context.Context, held []streams.Delivery) error
}

// requeuer is a queue that can put deliveries behind all others.
type requeuer interface {
	Requeue(ctx context.Context, held []streams.Delivery) error
}

// barredPause is how long deliveries wait that can't be worked on where the
// queue can't keep them back itself.
const barredPause = time.Second

// putOff returns deliveries to the queue that can't be decided about for now: the
// limiter can't judge their customers, MongoDB refuses them for a reason unknown,
// or processing panics. They are neither refused nor admitted unrecorded, and
// hold nobody up: the rest of their batch has gone on. A list gets them back at
// its tail after a pause, in which they keep the batch's slot: there they would
// be lost in a crash, as all that was popped, and no more than the slots hold may
// be.
func (c *Consumer) putOff(ctx context.Context, q streams.Queue, back *returns, place int, barred []streams.Delivery) {
	if len(barred) == 0 {
		return
	}
	if p, ok := q.(postponer); ok {
		c.returnTo(ctx, p.NackWithDelay, barred)
		return
	}
	timer := time.NewTimer(barredPause)
	defer timer.Stop()
	select {
	case <-timer.C:
		if r, ok := q.(requeuer); ok {
			c.returnTo(ctx, r.Requeue, barred)
		} else {
			c.returnTo(ctx, q.Nack, barred)
		}
	case <-c.reading.Done():
		back.add(place, barred)
	}
}

// returnTo takes a moment only where a lease brings the deliveries back anyhow.
// Without one they would be lost: then it insists until the shutdown time is over.
func (c *Consumer) returnTo(ctx context.Context, queue func(context.Context, []streams.Delivery) error, barred []streams.Delivery) {
	patient := lastWords
	if c.opts.Lease == 0 {
		patient = afterwards
	}
	ctx, cancel := patient(ctx)
	defer cancel()
	if err := c.troubles.insist(ctx, "Redis", func() error { return queue(ctx, barred) }); err != nil {
		c.giveUp(fmt.Errorf("%d deliveries could not be handed back: %w", len(barred), err))
	}
}

// complaints says of each customer that can't be judged, once a minute, what is
// wrong, and when it is over.
type complaints struct {
	log *slog.Logger

	mu   sync.Mutex
	said map[string]time.Time // by customer
}

func newComplaints(log *slog.Logger) *complaints {
	return &complaints{log: log, said: map[string]time.Time{}}
}

// complain is told what is wrong with the customers of a batch.
func (c *complaints) complain(keys []*limiter.KeyError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, err := range keys {
		if time.Since(c.said[err.CustomerID]) > sayAgainAfter {
			c.said[strings.Clone(err.CustomerID)] = time.Now()
			c.log.Error("warning", "status", "error", "customerId", err.CustomerID,
				"reason", err.Error()+"; this customer's records wait until then, all others go on")
		}
	}
}

// judged is told of the entries of a batch after the limiter was asked.
func (c *complaints) judged(entries []*entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.said) == 0 {
		return
	}
	for _, e := range entries {
		if _, ok := c.said[e.customerID]; ok && !e.barred {
			delete(c.said, e.customerID)
			c.log.Info("retrying", "status", "success", "server", "Redis", "customerId", e.customerID,
				"reason", "this customer's records can be judged again")
		}
	}
}
