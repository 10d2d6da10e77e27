package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"ingestion/internal/plural"
	"ingestion/limiter"
	"ingestion/record"
)

// limit applies the limiter's verdicts. A record that the limiter denies may be stored
// already while the window has long forgotten its slot: after a crash, or after a
// failover that delivers entries again as if they were new. So those are looked up
// before they are denied. Records of a list have no ID to be found by.
func (c *Consumer) limit(ctx context.Context, b *batch, items []*item) error {
	undecided := b.undecided(items)
	if len(undecided) == 0 || c.opts.Limiter == nil {
		return nil
	}
	ctx, stage := c.observers.begin(ctx, Limit, nil)
	r := Result{Err: errPanicked, Records: len(undecided)}
	defer func() { stage.end(r) }()
	verdicts, now, err := c.verdicts(ctx, b, undecided)
	r.Verdicts, r.Now = verdicts, now
	if err == nil {
		err = c.applyAll(ctx, b, undecided, verdicts, now)
	}
	r.Err = err
	return err
}

// applyAll applies one verdict to each of the items.
func (c *Consumer) applyAll(ctx context.Context, b *batch, undecided []*item, verdicts []limiter.Verdict, now time.Time) error {
	var denied []*item
	var denials []limiter.Verdict
	for i, it := range undecided {
		if it.FirstID() != "" && denies(verdicts[i], now) {
			denied, denials = append(denied, it), append(denials, verdicts[i])
			continue
		}
		apply(it, verdicts[i], now)
	}
	c.customers.judged(undecided)
	if len(denied) == 0 {
		return nil
	}
	owned, err := c.lookUp(ctx, b, denied)
	if err != nil {
		return err
	}
	for i, it := range denied {
		if owned[i] {
			it.end(record.Ingested, "")
		} else {
			apply(it, denials[i], now)
		}
	}
	return nil
}

// lookUp reports for each of the items whether its record is stored already.
func (c *Consumer) lookUp(ctx context.Context, b *batch, items []*item) (owned []bool, err error) {
	ctx, stage := c.observers.begin(ctx, LookUp, nil)
	r := Result{Err: errPanicked, Records: len(items)}
	defer func() { stage.end(r) }()
	b.stage = LookUp
	owned, r.Err = c.opts.Store.Owned(ctx, b.documents(items))
	if r.Err == nil {
		c.stageSucceeded(b)
	}
	return owned, r.Err
}

// verdicts asks the limiter and, if it has reserved slots, Redis for the time. The
// verdict of a customer that can't be judged has no decision.
func (c *Consumer) verdicts(ctx context.Context, b *batch, items []*item) (verdicts []limiter.Verdict, now time.Time, err error) {
	requests := b.requests[:0]
	for _, it := range items {
		requests = append(requests, limiter.Request{CustomerID: it.record.CustomerID, Member: it.record.ID, At: c.limitedAt(it)})
	}
	b.requests = requests
	b.stage = Limit
	err = c.outages.retry(ctx, "Redis", func() error {
		verdicts, err = c.opts.Limiter.Judge(ctx, requests)
		unusable, err := limiter.SplitKeyErrors(err)
		c.customers.unusable(unusable)
		if err == nil && slices.ContainsFunc(verdicts, reserved) {
			now, err = c.opts.RedisTime(ctx)
		}
		return err
	})
	if err == nil {
		c.stageSucceeded(b)
	}
	return verdicts, now, err
}

// limitedAt is the time, in ms since 1970, at which the record counts in its customer's
// window. 0 means now, by the clock of Redis.
func (c *Consumer) limitedAt(it *item) int64 {
	switch {
	case it.AdmitAt > 0:
		return it.AdmitAt
	case c.opts.ProcessingClock:
		return 0
	default:
		return it.ArrivedAt
	}
}

func reserved(v limiter.Verdict) bool { return v.Decision == limiter.Reserved }

// denies reports whether the record can't be inserted now. A reserved slot that is due
// already, as in a backlog, admits it.
func denies(v limiter.Verdict, now time.Time) bool {
	return v.Decision == limiter.Refused || reserved(v) && v.Place > now.UnixMilli()
}

// apply ends an item that the verdict denies, and postpones one without a decision.
func apply(it *item, v limiter.Verdict, now time.Time) {
	it.postponed = v.Decision == 0
	switch {
	case !denies(v, now):
	case reserved(v):
		it.end(record.Deferred, "")
		it.due = time.UnixMilli(v.Place)
	default:
		it.end(record.RateLimited, limitReason(v))
	}
}

func limitReason(v limiter.Verdict) string {
	if v.Limit.Mode == limiter.Block {
		return "Rate limit exceeded: this customer is blocked"
	}
	reason := fmt.Sprintf("Rate limit exceeded: this customer is limited to %s in %s", plural.Of(v.Limit.Records, "record", "records"), v.Limit.Window)
	if v.RetryAt > 0 {
		reason += "; next free slot at " + time.UnixMilli(v.RetryAt).UTC().Format(time.RFC3339)
	}
	return reason
}

// customerLog logs each customer whose window is unusable, at most once a minute, and
// when it can be used again. It is safe for concurrent use.
type customerLog struct {
	log *slog.Logger

	mu     sync.Mutex
	logged map[string]time.Time // by customer
}

func newCustomerLog(log *slog.Logger) *customerLog {
	return &customerLog{log: log, logged: map[string]time.Time{}}
}

// unusable is called with the limiter's errors about customers of a batch.
func (l *customerLog) unusable(keys []*limiter.KeyError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, err := range keys {
		if time.Since(l.logged[err.CustomerID]) > logInterval {
			l.logged[strings.Clone(err.CustomerID)] = time.Now()
			l.log.Error("warning", "status", "error", "customerId", err.CustomerID,
				"reason", err.Error()+"; until then this customer's records are postponed, other customers are not affected")
		}
	}
}

// judged is called with the items of a batch after the limiter was asked.
func (l *customerLog) judged(items []*item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.logged) == 0 {
		return
	}
	for _, it := range items {
		if _, ok := l.logged[it.customerID]; ok && !it.postponed {
			delete(l.logged, it.customerID)
			l.log.Info("retrying", "status", "success", "server", "Redis", "customerId", it.customerID,
				"reason", "this customer's window can be used again")
		}
	}
}
