package consumer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ingestion/limiter"
	"ingestion/record"
)

// limit holds each customer to its rate. An entry that is refused or put off may
// be in the store already, with its place in the window long forgotten: after a
// crash, or as if it were new after a failover. That is looked up first, but for
// records of a list, which have no names that the store could know.
func (c *Consumer) limit(ctx context.Context, b *batch, entries []*entry) error {
	open := b.stillOpen(entries)
	if len(open) == 0 || c.opts.Limiter == nil {
		return nil
	}
	verdicts, now, err := c.verdicts(ctx, b, open)
	if err != nil {
		return err
	}
	var refused []int
	for i, e := range open {
		if e.FirstID() != "" && refuses(verdicts[i], now) {
			refused = append(refused, i)
			continue
		}
		apply(e, verdicts[i], now)
	}
	c.complaints.judged(open)
	return c.lookUp(ctx, b, open, refused, func(i int) { apply(open[i], verdicts[i], now) })
}

// lookUp ends those of the entries at the places given that are stored already,
// and has refuse end the others. Until it is known which they are, all stay open.
func (c *Consumer) lookUp(ctx context.Context, b *batch, open []*entry, places []int, refuse func(place int)) error {
	if len(places) == 0 {
		return nil
	}
	entries := make([]*entry, len(places))
	for k, i := range places {
		entries[k] = open[i]
	}
	b.stage = lookingUp
	owned, err := c.opts.Store.Owned(ctx, b.documents(entries))
	if err != nil {
		return err
	}
	c.pass(b)
	for k, i := range places {
		if owned[k] {
			open[i].end(record.Ingested, "")
		} else {
			refuse(i)
		}
	}
	return nil
}

// verdicts asks the limiter and, where it has reserved places, Redis for the
// time. Customers that can't be judged have no decision.
func (c *Consumer) verdicts(ctx context.Context, b *batch, open []*entry) (verdicts []limiter.Verdict, now time.Time, err error) {
	requests := b.requests[:0]
	for _, e := range open {
		requests = append(requests, limiter.Request{CustomerID: e.record.CustomerID, Member: e.record.ID, At: c.judgedAt(e)})
	}
	b.requests = requests
	b.stage = limiting
	err = c.troubles.insist(ctx, "Redis", func() error {
		verdicts, err = c.opts.Limiter.Judge(ctx, requests)
		keys, err := limiter.SplitKeyErrors(err)
		c.complaints.complain(keys)
		if err == nil && slices.ContainsFunc(verdicts, reserved) {
			now, err = c.opts.RedisTime(ctx)
		}
		return err
	})
	if err == nil {
		c.pass(b)
	}
	return verdicts, now, err
}

// judgedAt is the time by which the limiter judges an entry; 0 leaves it to
// Redis' clock.
func (c *Consumer) judgedAt(e *entry) int64 {
	switch {
	case e.AdmitAt > 0:
		return e.AdmitAt
	case c.opts.ProcessingClock:
		return 0
	default:
		return e.ArrivedAt
	}
}

func reserved(v limiter.Verdict) bool { return v.Decision == limiter.Reserved }

// refuses says that the entry does not go on now. A reserved place that has come
// already, as in a backlog, is as good as room.
func refuses(v limiter.Verdict, now time.Time) bool {
	return v.Decision == limiter.Refused || v.Decision == limiter.Reserved && v.Place > now.UnixMilli()
}

// apply lets an entry go on, or ends it.
func apply(e *entry, v limiter.Verdict, now time.Time) {
	e.barred = v.Decision == 0
	switch {
	case !refuses(v, now):
	case v.Decision == limiter.Reserved:
		e.end(record.Deferred, "")
		e.due = time.UnixMilli(v.Place)
	default:
		e.end(record.RateLimited, rateReason(v))
	}
}

func rateReason(v limiter.Verdict) string {
	if v.Limit.Mode == limiter.Block {
		return "Rate limit exceeded: this customer is blocked"
	}
	reason := fmt.Sprintf("Rate limit exceeded: %d records in %s are this customer's limit", v.Limit.Records, v.Limit.Window)
	if v.RetryAt > 0 {
		reason += "; room from " + time.UnixMilli(v.RetryAt).UTC().Format(time.RFC3339)
	}
	return reason
}
