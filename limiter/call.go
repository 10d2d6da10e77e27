package limiter

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// call is what the script calls of one batch in one partition have in common.
type call struct {
	limiter  *Limiter
	base     string // K
	floor    int64
	requests []Request
	verdicts []Verdict
}

// judge calls the script until no request of the customers is open. Broken-off
// calls come to an end: each answers a record or gets further in its search.
func (c *call) judge(ctx context.Context, customers []*customer) error {
	var errs []error
	for len(customers) > 0 {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, fmt.Errorf("limiter: %w", err))...)
		}
		slice := cut(customers, c.limiter.cfg.Slice)
		rep, err := c.run(ctx, slice)
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("limiter: judging with %s: %w", c.limitsKey(), err))...)
		}
		if err := c.apply(slice, rep); err != nil {
			errs = append(errs, err)
		}
		customers = unanswered(customers)
	}
	return errors.Join(errs...)
}

// part is the first n open requests of a customer.
type part struct {
	*customer
	n int
}

// cut takes whole customers while they fit; of the first as much as fits.
func cut(customers []*customer, records int) []part {
	var slice []part
	for _, cu := range customers {
		n := len(cu.open)
		if n > records && len(slice) > 0 {
			break
		}
		n = min(n, records)
		slice = append(slice, part{cu, n})
		records -= n
	}
	return slice
}

func unanswered(customers []*customer) []*customer {
	for len(customers) > 0 && len(customers[0].open) == 0 {
		customers = customers[1:]
	}
	return customers
}

// run makes one script call for the slice. While its slot migrates the keys may
// be on two servers (TRYAGAIN): then for the first customer alone.
func (c *call) run(ctx context.Context, slice []part) (reply, error) {
	keys, args := []string{c.limitsKey()}, c.head(true)
	for _, p := range slice {
		keys = append(keys, c.key(p.id))
		args = c.append(args, p.id, p)
	}
	raw, err := runScript(ctx, c.limiter.client, keys, args)
	if redis.IsTryAgainError(err) {
		raw, err = c.runAlone(ctx, slice[0])
	}
	if err != nil {
		return reply{}, err
	}
	return parseReply(raw)
}

// runAlone uses one key a command, which a migrating slot always has.
func (c *call) runAlone(ctx context.Context, p part) (any, error) {
	own, err := c.limiter.client.HGet(ctx, c.limitsKey(), p.id).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	return runScript(ctx, c.limiter.client, []string{c.key(p.id)}, c.append(c.head(false), own, p))
}

func (c *call) limitsKey() string { return "{" + c.base + "}:limits" }

func (c *call) key(customerID string) string { return "{" + c.base + "}:limit:" + customerID }

// head is the script's arguments before those of the customers.
func (c *call) head(hashed bool) []any {
	cfg := c.limiter.cfg
	delay := int64(-1)
	if cfg.Reserve {
		delay = cfg.MaxDelay.Milliseconds()
	}
	return []any{cfg.Limit, cfg.Window.Milliseconds(), cfg.Lateness.Milliseconds(), delay, c.floor, cfg.Budget, hashed}
}

func (c *call) append(args []any, field string, p part) []any {
	args = append(args, field, c.limiter.learnt.get(c.key(p.id)), p.n)
	for _, i := range p.open[:p.n] {
		r := c.requests[i]
		args = append(args, min(max(r.At, 0), maxAt), r.Member)
	}
	return args
}

// apply takes the script's verdicts over; the error names keys of a wrong type.
func (c *call) apply(slice []part, rep reply) error {
	var errs []error
	for i, p := range slice {
		limit := c.limit(p.id, rep.own[i])
		if text, ok := rep.learnt[i]; ok {
			c.limiter.learnt.set(c.key(p.id), text)
		}
		judged := min(p.n, len(rep.answers))
		for j, a := range rep.answers[:judged] {
			c.verdicts[p.open[j]] = a.verdict(limit)
		}
		if judged > 0 && rep.answers[0].code == codeNoSet {
			errs = append(errs, &KeyError{CustomerID: p.id, Key: c.key(p.id)})
		}
		p.open, rep.answers = p.open[judged:], rep.answers[judged:]
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
