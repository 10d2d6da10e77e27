package consumer

import (
	"context"
	"fmt"
	"time"

	"ingestion/limiter"
	"ingestion/record"
)

// limit holds each customer to its rate. An entry that is refused although it
// was delivered before may be in the store already, with its place in the
// window long forgotten: that is looked up first.
func (c *Consumer) limit(ctx context.Context, entries []*entry) error {
	open := stillOpen(entries)
	if len(open) == 0 || c.opts.Limiter == nil {
		return nil
	}
	verdicts, err := c.verdicts(ctx, open)
	if err != nil {
		return err
	}
	var again []*entry
	for i, e := range open {
		if !c.apply(e, verdicts[i]) && e.Deliveries > 1 {
			again = append(again, e)
		}
	}
	return c.restoreIngested(ctx, again)
}

func (c *Consumer) verdicts(ctx context.Context, open []*entry) (verdicts []limiter.Verdict, err error) {
	requests := make([]limiter.Request, len(open))
	for i, e := range open {
		requests[i] = limiter.Request{CustomerID: e.record.CustomerID, Member: e.record.ID, At: e.ArrivedAt}
	}
	err = insist(ctx, c.opts.Log, "Redis", func() error {
		verdicts, err = c.opts.Limiter.Judge(ctx, requests)
		return err
	})
	return verdicts, err
}

// apply says whether the entry may go on or wait for its place.
func (c *Consumer) apply(e *entry, v limiter.Verdict) bool {
	switch v.Decision {
	case limiter.Admitted:
		return true
	case limiter.Reserved:
		e.end(record.Deferred, "")
		e.due = time.UnixMilli(v.Place)
		return true
	default:
		e.end(record.RateLimited, rateReason(v))
		return false
	}
}

func rateReason(v limiter.Verdict) string {
	reason := fmt.Sprintf("Rate limit exceeded: %d records in %s are this customer's limit", v.Limit.Records, v.Limit.Window)
	if v.RetryAt > 0 {
		reason += "; room from " + time.UnixMilli(v.RetryAt).UTC().Format(time.RFC3339)
	}
	return reason
}

func (c *Consumer) restoreIngested(ctx context.Context, refused []*entry) error {
	if len(refused) == 0 {
		return nil
	}
	owned, err := c.opts.Store.Owned(ctx, documents(refused))
	for i, e := range refused {
		switch {
		case err != nil:
			e.outcome = 0 // not known yet
		case owned[i]:
			e.end(record.Ingested, "")
		}
	}
	return err
}
