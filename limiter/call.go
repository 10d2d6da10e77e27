package limiter

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// call is what the script calls of one batch in one partition have in common.
type call struct {
	*batch
	limiter *Limiter
	base    string // K
	floor   int64
}

// judge calls the script until no request of the customers is open. Broken-off
// calls come to an end: each answers a record or gets further in its search.
func (c *call) judge(ctx context.Context, open []customer) error {
	var errs []error
	for len(open) > 0 {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, fmt.Errorf("limiter: %w", err))...)
		}
		rep, err := c.run(ctx, cut(open, c.limiter.cfg.Slice))
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("limiter: judging with %s: %w", c.limitsKey(), err))...)
		}
		if err := c.apply(open, rep); err != nil {
			errs = append(errs, err)
		}
		open = unanswered(open, rep.answered)
	}
	return errors.Join(errs...)
}

// part is customers of whom a script call judges so many records: all, but for a
// single customer who has more.
type part struct {
	customers []customer
	records   int
}

// number is how many records of the customer belong to the part.
func (p part) number(c customer) int { return min(c.n, p.records) }

// cut takes whole customers while they fit; of the first as much as fits.
func cut(open []customer, most int) part {
	p := part{open[:1], min(open[0].n, most)}
	for _, next := range open[1:] {
		if p.records+next.n > most {
			break
		}
		p.customers, p.records = open[:len(p.customers)+1], p.records+next.n
	}
	return p
}

func unanswered(open []customer, answered int) []customer {
	for len(open) > 0 && open[0].n <= answered {
		answered -= open[0].n
		open = open[1:]
	}
	if len(open) > 0 {
		open[0].from += answered
		open[0].n -= answered
	}
	return open
}

// run makes one script call for the part. While its slot migrates the keys may
// be on two servers (TRYAGAIN): then for the first customer alone.
func (c *call) run(ctx context.Context, p part) (reply, error) {
	raw, err := runScript(ctx, c.limiter.client, c.arguments(p, nil))
	if redis.IsTryAgainError(err) {
		p = cut(p.customers[:1], p.records)
		raw, err = c.runAlone(ctx, p)
	}
	if err != nil {
		return reply{}, err
	}
	return parseReply(raw, p)
}

// runAlone uses one key a command, which a migrating slot always has.
func (c *call) runAlone(ctx context.Context, p part) (any, error) {
	own, err := c.limiter.client.HGet(ctx, c.limitsKey(), p.customers[0].id).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	return runScript(ctx, c.limiter.client, c.arguments(p, &own))
}

func (c *call) limitsKey() string { return "{" + c.base + "}:limits" }

func (c *call) key(customerID string) string { return "{" + c.base + "}:limit:" + customerID }

// apply takes the script's verdicts over; the error names keys of a wrong type.
func (c *call) apply(open []customer, rep reply) error {
	left := rep.answered
	for i := 0; left > 0; i++ {
		cu := open[i]
		n := min(cu.n, left)
		c.admit(cu.from, n, rep.now, c.limit(cu.id, rep.own[i]))
		left -= n
	}
	for i, hint := range rep.learnt {
		c.limiter.learnt.set(c.key(open[i].id), hint)
	}
	return c.change(c.order[open[0].from:], rep.others)
}

// admit is the verdict on requests of one customer that others do not change.
func (c *call) admit(from, n int, now int64, limit Limit) {
	for _, i := range c.order[from : from+n] {
		place := clip(c.requests[i].At)
		if place == 0 || place > now {
			place = now
		}
		c.verdicts[i] = Verdict{Decision: Admitted, Place: place, Limit: limit}
	}
}

func (c *call) change(order []int32, others []other) error {
	var errs []error
	wrong := ""
	for _, o := range others {
		i := order[o.index]
		c.verdicts[i] = o.verdict(c.verdicts[i].Limit)
		id := c.requests[i].CustomerID
		if o.code == codeNoSet && (len(errs) == 0 || id != wrong) {
			errs, wrong = append(errs, &KeyError{CustomerID: id, Key: c.key(id)}), id
		}
	}
	return errors.Join(errs...)
}

// limit is the one that the script has applied to the customer.
func (c *call) limit(customerID, own string) Limit {
	l := c.limiter
	if own == "" {
		return l.primary
	}
	limit, err := ParseLimit(own)
	if err == nil {
		return limit
	}
	if l.warned.set(customerID+"\x00"+own, "seen") {
		l.cfg.BadLimit(customerID, own)
	}
	return l.primary
}
