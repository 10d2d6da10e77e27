package limiter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"ingestion/internal/redisconn"
)

// batch is the state of one call of Judge. Its memory is pooled, so that a record
// costs hardly any allocation.
type batch struct {
	requests []Request
	verdicts []Verdict

	customers []customer
	byID      map[string]int32 // index of customers
	next      []int32          // by request: the customer's next one, if there is one
	order     []int32          // the requests by customer

	// of a script call
	call  redisconn.Call
	text  []byte
	ends  []int
	parts []string
}

// customer is the open requests of one customer: order[from:from+n].
type customer struct {
	id        string
	partition int
	from, n   int

	first, last int32 // request
}

var batches = sync.Pool{New: func() any { return &batch{byID: make(map[string]int32)} }}

// maxPooled is the largest batch, in records, whose memory is kept.
const maxPooled = 10_000

func newBatch(requests []Request) *batch {
	b := batches.Get().(*batch)
	b.requests, b.verdicts = requests, make([]Verdict, len(requests))
	return b
}

// free returns the memory to the pool. b must not be used afterwards.
func (b *batch) free() {
	if len(b.requests) > maxPooled {
		return
	}
	b.requests, b.verdicts = nil, nil
	clear(b.byID)
	clear(b.customers)
	b.customers = b.customers[:0]
	b.call.Clear()
	clear(b.parts)
	batches.Put(b)
}

// group orders the requests by partition and customer. Customers with a single
// request come last in their partition. The requests of one customer keep their
// order.
func (b *batch) group(home func(string) int) {
	b.next = slices.Grow(b.next[:0], len(b.requests))[:len(b.requests)]
	for i := range b.requests {
		b.add(int32(i), home)
	}
	slices.SortFunc(b.customers, func(x, y customer) int {
		if x.partition != y.partition {
			return cmp.Compare(x.partition, y.partition)
		}
		if single := x.n == 1; single != (y.n == 1) {
			if single {
				return 1
			}
			return -1
		}
		return cmp.Compare(x.first, y.first)
	})
	b.order = b.order[:0]
	for i := range b.customers {
		c := &b.customers[i]
		c.from = len(b.order)
		for j, r := 0, c.first; j < c.n; j, r = j+1, b.next[r] {
			b.order = append(b.order, r)
		}
	}
}

func (b *batch) add(request int32, home func(string) int) {
	id := b.requests[request].CustomerID
	at, ok := b.byID[id]
	if !ok {
		b.byID[id] = int32(len(b.customers))
		b.customers = append(b.customers, customer{id: id, partition: home(id), n: 1, first: request, last: request})
		return
	}
	c := &b.customers[at]
	b.next[c.last] = request
	c.last = request
	c.n++
}

// samePartition returns the leading customers that share a partition.
func samePartition(open []customer) []customer {
	n := 1
	for n < len(open) && open[n].partition == open[0].partition {
		n++
	}
	return open[:n]
}

// judge calls the script until no request of the customers, who share a partition,
// is open. Each call answers a record or gets further in its search.
func (l *Limiter) judge(ctx context.Context, b *batch, open []customer, floor int64) error {
	p := part{base: l.cfg.Bases[open[0].partition], floor: floor}
	var errs []error
	for len(open) > 0 {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, fmt.Errorf("limiter: %w", err))...)
		}
		p.customers, p.records = fitting(open, l.cfg.Slice)
		rep, err := l.run(ctx, b, p)
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("limiter: judging with %s: %w", limitsKey(p.base), err))...)
		}
		if err := l.apply(b, p, rep); err != nil {
			errs = append(errs, err)
		}
		open, p.search = unanswered(open, rep.answered), rep.search
	}
	return errors.Join(errs...)
}

// fitting returns the leading customers who have at most n records together, and
// that number; at least the first one, with up to n records.
func fitting(open []customer, n int) (customers []customer, records int) {
	fit, records := 1, min(open[0].n, n)
	for _, next := range open[1:] {
		if records+next.n > n {
			break
		}
		fit, records = fit+1, records+next.n
	}
	return open[:fit], records
}

// unanswered returns the customers without their first requests, which have been
// answered.
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

// apply turns a reply into verdicts. The error joins a *KeyError for each customer
// whose key has the wrong type.
func (l *Limiter) apply(b *batch, p part, rep reply) error {
	left := rep.answered
	for i := 0; left > 0; i++ {
		c := p.customers[i]
		n := min(c.n, left)
		b.admit(b.order[c.from:c.from+n], rep.now, l.limit(c.id, rep.own[i]))
		left -= n
	}
	var errs []error
	wrong := ""
	for _, o := range rep.others {
		i := b.order[p.customers[0].from+o.index]
		b.verdicts[i] = o.verdict(b.verdicts[i].Limit)
		id := b.requests[i].CustomerID
		if o.code == codeNoSet && (len(errs) == 0 || id != wrong) {
			errs, wrong = append(errs, &KeyError{CustomerID: id, Key: windowKey(p.base, id)}), id
		}
	}
	return errors.Join(errs...)
}

// admit gives requests of one customer the verdict of the ordinary record:
// admitted at its arrival, but no later than now.
func (b *batch) admit(requests []int32, now int64, limit Limit) {
	for _, i := range requests {
		place := clip(b.requests[i].At)
		if place == 0 || place > now {
			place = now
		}
		b.verdicts[i] = Verdict{Decision: Admitted, Place: place, Limit: limit}
	}
}

func (o other) verdict(limit Limit) Verdict {
	switch o.code {
	case codeAdmitted:
		return Verdict{Decision: Admitted, Place: o.time, Limit: limit}
	case codeRefused:
		return Verdict{Decision: Refused, RetryAt: o.time, Limit: limit}
	case codeReserved:
		return Verdict{Decision: Reserved, Place: o.time, Limit: limit}
	default:
		return Verdict{}
	}
}
