package consumer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"ingestion/streams"
)

// stuckAfter is how long a batch may take without progress, in leases. Then it is
// interrupted and its deliveries are returned to the queue.
const stuckAfter = 10

var errStuck = errors.New("no progress for ten times the lease")

// leases renews the leases of all batches, by a heartbeat every third of a lease.
type leases struct {
	queue streams.Queue
	every time.Duration // 0: the queue has no leases
	log   *slog.Logger

	mu   sync.Mutex
	held map[*lease]struct{}
}

// lease is that of one batch.
type lease struct {
	owner      *leases
	deliveries []streams.Delivery
	cancel     context.CancelCauseFunc

	mu         sync.Mutex
	progressed time.Time
}

func newLeases(q streams.Queue, length time.Duration, log *slog.Logger) *leases {
	return &leases{queue: q, every: length / 3, log: log, held: map[*lease]struct{}{}}
}

// hold renews the lease of a batch from now on, until it is ended. The context that it
// returns also ends if the batch gets stuck.
func (l *leases) hold(ctx context.Context, deliveries []streams.Delivery) (context.Context, *lease) {
	ctx, cancel := context.WithCancelCause(ctx)
	held := &lease{owner: l, deliveries: deliveries, cancel: cancel, progressed: time.Now()}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[held] = struct{}{}
	return ctx, held
}

// progress records that the batch is not stuck.
func (h *lease) progress() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.progressed = time.Now()
}

func (h *lease) sinceProgress() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Since(h.progressed)
}

func (h *lease) end() {
	h.cancel(nil)
	h.owner.mu.Lock()
	defer h.owner.mu.Unlock()
	delete(h.owner.held, h)
}

// beat renews the leases until ctx ends. It warns when three renewals in a row have
// failed, so that leases have expired, and after every 20 more.
func (l *leases) beat(ctx context.Context) {
	if l.every == 0 {
		return
	}
	failures, warned := 0, false
	tick := time.NewTicker(l.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			switch err := l.renew(ctx); {
			case err == nil:
				if warned {
					l.log.Info("retrying", "status", "success", "server", "Redis", "reason", "leases are renewed again")
				}
				failures, warned = 0, false
			case ctx.Err() == nil:
				if failures++; failures%20 == 3 {
					warned = true
					l.log.Warn("retrying", "status", "error", "server", "Redis",
						"reason", "leases have expired, so other workers may reclaim what this one holds: "+err.Error())
				}
			}
		}
	}
}

// renew renews the leases of all batches that are not stuck.
func (l *leases) renew(ctx context.Context) error {
	if l.every == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.every)
	defer cancel()
	_, err := l.queue.Extend(ctx, l.deliveries())
	return err
}

// deliveries returns those of the batches that make progress. It cancels the others.
func (l *leases) deliveries() []streams.Delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	var held []streams.Delivery
	for h := range l.held {
		if h.sinceProgress() > stuckAfter*3*l.every {
			h.cancel(errStuck)
			continue
		}
		held = append(held, h.deliveries...)
	}
	return held
}
