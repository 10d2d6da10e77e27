package limiter

import (
	"cmp"
	"slices"
	"sync"
)

// batch is what one call of Judge works with. Its memory is used again by later
// calls, so that a record costs hardly any.
type batch struct {
	requests []Request
	verdicts []Verdict

	customers []customer
	byID      map[string]int32 // index of customers
	next      []int32          // by request: the customer's next one
	order     []int32          // the requests by customer
	args      arguments
}

// customer is the open requests of one customer: order[from:from+n].
type customer struct {
	id        string
	partition int
	from, n   int

	first, last int32 // request
}

var batches = sync.Pool{New: func() any { return &batch{byID: make(map[string]int32)} }}

// largeBatch is from how many records on a batch's memory is not kept.
const largeBatch = 10_000

func newBatch(requests []Request, verdicts []Verdict) *batch {
	b := batches.Get().(*batch)
	b.requests, b.verdicts = requests, verdicts
	return b
}

// free gives the memory back. Nothing may use the batch any more.
func (b *batch) free() {
	if len(b.requests) > largeBatch {
		return
	}
	b.requests, b.verdicts = nil, nil
	clear(b.byID)
	clear(b.customers)
	b.customers = b.customers[:0]
	b.args.clear()
	batches.Put(b)
}

// group brings the requests in order by partition and customer; customers of one
// request come after the others of their partition. Those of one customer stay in
// the order of the batch.
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

// samePartition is how many of the customers, from the first on, share its partition.
func samePartition(open []customer) int {
	n := 1
	for n < len(open) && open[n].partition == open[0].partition {
		n++
	}
	return n
}
