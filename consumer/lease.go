package consumer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"ingestion/streams"
)

// stuckAfter is how many leases a batch may last without progress; then it is
// handed back.
const stuckAfter = 10

var errStuck = errors.New("no progress for ten times the lease")

// leases keeps what is held from one queue ours, by a heartbeat every third of
// the lease.
type leases struct {
	queue streams.Queue
	every time.Duration // 0: nothing to renew
	log   *slog.Logger

	mu   sync.Mutex
	held map[*lease]struct{}
}

// lease is a batch that is held.
type lease struct {
	owner      *leases
	deliveries []streams.Delivery
	cancel     context.CancelCauseFunc

	mu    sync.Mutex
	moved time.Time
}

func newLeases(q streams.Queue, length time.Duration, log *slog.Logger) *leases {
	return &leases{queue: q, every: length / 3, log: log, held: map[*lease]struct{}{}}
}

// hold takes a batch under the heartbeat. The context returned ends also when
// the batch makes no progress for too long.
func (l *leases) hold(ctx context.Context, deliveries []streams.Delivery) (context.Context, *lease) {
	ctx, cancel := context.WithCancelCause(ctx)
	held := &lease{owner: l, deliveries: deliveries, cancel: cancel, moved: time.Now()}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[held] = struct{}{}
	return ctx, held
}

// progress says that the batch has come further.
func (h *lease) progress() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.moved = time.Now()
}

func (h *lease) idle() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Since(h.moved)
}

func (h *lease) end() {
	h.cancel(nil)
	h.owner.mu.Lock()
	defer h.owner.mu.Unlock()
	delete(h.owner.held, h)
}

// beat renews the leases until ctx ends, and warns when that has not worked
// for a whole lease.
func (l *leases) beat(ctx context.Context) {
	if l.every == 0 {
		return
	}
	failed, told := 0, false
	tick := time.NewTicker(l.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			switch err := l.renew(ctx); {
			case err == nil:
				if told {
					l.log.Info("retrying", "status", "success", "server", "Redis", "reason", "leases are renewed again")
				}
				failed, told = 0, false
			case ctx.Err() == nil:
				if failed++; failed%20 == 3 {
					told = true
					l.log.Warn("retrying", "status", "error", "server", "Redis",
						"reason", "leases have run out, so other workers may take over what this one holds: "+err.Error())
				}
			}
		}
	}
}

// renew extends the lease on all that is held and makes progress.
func (l *leases) renew(ctx context.Context) error {
	if l.every == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.every)
	defer cancel()
	_, err := l.queue.Extend(ctx, l.moving())
	return err
}

// moving lists what is held by batches that make progress, and gives up the
// others.
func (l *leases) moving() []streams.Delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	var held []streams.Delivery
	for h := range l.held {
		if h.idle() > stuckAfter*3*l.every {
			h.cancel(errStuck)
			continue
		}
		held = append(held, h.deliveries...)
	}
	return held
}
