package consumer

import (
	"context"
	"errors"
	"sync"
	"time"

	"ingestion/streams"
)

// stuckAfter is how long a batch may take without progress, in leases. Then it is
// interrupted and its deliveries are returned to the queue.
const stuckAfter = 10

var (
	errStuck   = errors.New("no progress for ten times the lease")
	errExpired = errors.New("the lease has expired")
)

// leases renews the leases of all batches, by a heartbeat every third of a lease.
type leases struct {
	queue   streams.Queue
	length  time.Duration // 0: the queue has no leases
	outages *outageLog
	pulse   *Pulse

	mu   sync.Mutex
	held map[*lease]struct{}
}

// lease is that of one batch.
type lease struct {
	owner      *leases
	deliveries []streams.Delivery
	cancel     context.CancelCauseFunc // interrupts the batch
	expire     context.CancelCauseFunc // ends deciding
	expiry     *time.Timer             // calls expire; nil without leases

	mu                  sync.Mutex
	progressed, renewed time.Time
}

func newLeases(q streams.Queue, length time.Duration, outages *outageLog, pulse *Pulse) *leases {
	return &leases{queue: q, length: length, outages: outages, pulse: pulse, held: map[*lease]struct{}{}}
}

// every is the time between two renewals.
func (l *leases) every() time.Duration { return l.length / 3 }

// hold renews the lease of a batch from now on, until it is ended. Both contexts end
// if the batch gets stuck. decideCtx also ends when the lease expires: another worker
// may have the deliveries then, and may refuse a record because it is not stored yet.
// If this one stored it afterwards, the record would be both refused and stored.
func (l *leases) hold(ctx context.Context, deliveries []streams.Delivery) (workCtx, decideCtx context.Context, held *lease) {
	now := time.Now()
	workCtx, cancel := context.WithCancelCause(ctx)
	decideCtx, expire := context.WithCancelCause(workCtx)
	held = &lease{owner: l, deliveries: deliveries, cancel: cancel, expire: expire, progressed: now, renewed: now}
	if l.length > 0 {
		held.expiry = time.AfterFunc(l.length, func() { expire(errExpired) })
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[held] = struct{}{}
	return workCtx, decideCtx, held
}

// progress records that the batch is not stuck.
func (h *lease) progress() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.progressed = time.Now()
	h.checkExpiry()
}

// extend records a renewal that began at the given time. An expired lease stays so,
// since another worker may have had the deliveries in between.
func (h *lease) extend(begin time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.checkExpiry() {
		h.renewed = begin
		h.expiry.Reset(time.Until(begin.Add(h.owner.length)))
	}
}

// checkExpiry reports whether the lease has expired. The timer may be late: it does
// not run while the process is stopped.
func (h *lease) checkExpiry() bool {
	if h.expiry == nil || time.Since(h.renewed) < h.owner.length {
		return false
	}
	h.expire(errExpired)
	return true
}

func (h *lease) sinceProgress() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Since(h.progressed)
}

func (h *lease) end() {
	h.cancel(nil)
	if h.expiry != nil {
		h.expiry.Stop()
	}
	h.owner.mu.Lock()
	defer h.owner.mu.Unlock()
	delete(h.owner.held, h)
}

// beat renews the leases until ctx ends. It warns when three renewals in a row have
// failed, so that leases have expired, and after every 20 more.
func (l *leases) beat(ctx context.Context) {
	if l.length == 0 {
		return
	}
	failures, warned := 0, false
	defer l.pulse.heartbeat.idle()
	tick := time.NewTicker(l.every())
	defer tick.Stop()
	for {
		l.pulse.heartbeat.doing("waiting", l.every()+hangSlack)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.pulse.heartbeat.doing("renewing leases", l.renewTimeout()+hangSlack)
			switch err := l.renew(ctx); {
			case err == nil:
				if warned {
					l.outages.log.Info("retrying", "status", "success", "server", "Redis", "reason", "leases are renewed again")
				}
				failures, warned = 0, false
			case ctx.Err() == nil:
				l.outages.observers.retrying(ctx, "Redis", err)
				if failures++; failures%20 == 3 {
					warned = true
					l.outages.log.Warn("retrying", "status", "error", "server", "Redis",
						"reason", "leases have expired, so other workers may reclaim what this one holds: "+err.Error())
				}
			}
		}
	}
}

func (l *leases) renewTimeout() time.Duration { return min(l.every(), time.Minute) }

// renew renews the leases of all batches that are not stuck.
func (l *leases) renew(ctx context.Context) error {
	if l.length == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.renewTimeout())
	defer cancel()
	held, begin := l.working(), time.Now()
	var deliveries []streams.Delivery
	for _, h := range held {
		deliveries = append(deliveries, h.deliveries...)
	}
	if _, err := l.queue.Extend(ctx, deliveries); err != nil {
		return err
	}
	for _, h := range held {
		h.extend(begin)
	}
	return nil
}

// working returns the leases of the batches that make progress. It cancels the others.
func (l *leases) working() []*lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	var working []*lease
	for h := range l.held {
		if h.sinceProgress() > stuckAfter*l.length {
			h.cancel(errStuck)
			continue
		}
		working = append(working, h)
	}
	return working
}
