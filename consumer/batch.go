package consumer

import (
	"errors"
	"slices"
	"time"

	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// item is a delivery on its way to an outcome.
type item struct {
	*streams.Delivery
	record     record.Record // set once it is decoded
	customerID string        // for the log; also of a refused record, if it could be read
	outcome    record.Outcome
	reason     string
	conflict   bool      // see store.Result
	keep       bool      // see store.Result
	due        time.Time // of a deferred record
	postponed  bool      // it can't be processed for now
	panicked   *panicError
}

func (it *item) decided() bool { return it.outcome != 0 }

func (it *item) end(outcome record.Outcome, reason string) {
	it.outcome, it.reason = outcome, reason
}

// refuse ends an item with an error of Options.Decode.
func (it *item) refuse(err error) {
	var refusal *record.Refusal
	if !errors.As(err, &refusal) {
		it.end(record.Malformed, "Invalid JSON: "+err.Error())
		return
	}
	it.customerID = refusal.CustomerID
	it.end(refusal.Outcome, refusal.Reason)
}

func (it *item) document() store.Document {
	return store.Document{Record: it.record, StreamID: it.FirstID()}
}

func (it *item) settlement() streams.Settlement {
	return streams.Settlement{Delivery: it.Delivery, Outcome: it.outcome, Reason: it.reason, Due: it.due, Keep: it.keep, CustomerID: it.customerID}
}

// batch is a batch buffer: the items that are processed together and the memory for
// that, which the next batch reuses. One goroutine at a time uses it. What a method
// returns is valid until the method is called again.
type batch struct {
	seq    int     // position in the order of receiving
	permit *permit // of the exclusive gate
	lease  *lease

	items     []*item
	stage     Stage        // the last one entered
	succeeded [stages]bool // those that the batch, or a part of it, came through

	// Buffers.
	storage     []item
	open        []*item
	requests    []limiter.Request
	docs        []store.Document
	settlements []streams.Settlement
}

// begin fills the batch. The deliveries must not change until reset.
func (b *batch) begin(deliveries []streams.Delivery) {
	b.storage = slices.Grow(b.storage[:0], len(deliveries))
	b.items = slices.Grow(b.items[:0], len(deliveries))
	for i := range deliveries {
		b.storage = append(b.storage, item{Delivery: &deliveries[i]})
		b.items = append(b.items, &b.storage[i])
	}
}

// undecided returns those of the items that have no outcome.
func (b *batch) undecided(items []*item) []*item {
	b.open = b.open[:0]
	for _, it := range items {
		if !it.decided() {
			b.open = append(b.open, it)
		}
	}
	return b.open
}

// documents returns those of decoded items.
func (b *batch) documents(items []*item) []store.Document {
	b.docs = b.docs[:0]
	for _, it := range items {
		b.docs = append(b.docs, it.document())
	}
	return b.docs
}

// decided returns the settlements of the items that have an outcome.
func (b *batch) decided() []streams.Settlement {
	b.settlements = b.settlements[:0]
	for _, it := range b.items {
		if it.decided() {
			b.settlements = append(b.settlements, it.settlement())
		}
	}
	return b.settlements
}

// conflicts counts the items under whose ID another record is stored.
func (b *batch) conflicts() (n int) {
	for _, it := range b.items {
		if it.conflict {
			n++
		}
	}
	return n
}

// remainder returns copies of the deliveries without an outcome. They are postponed
// if all of them are; if time ran out for one, it did for all.
func (b *batch) remainder() (unfinished, postponed []streams.Delivery) {
	undecided := b.undecided(b.items)
	if len(undecided) == 0 {
		return nil, nil
	}
	deliveries := make([]streams.Delivery, len(undecided))
	for i, it := range undecided {
		deliveries[i] = *it.Delivery
	}
	if slices.ContainsFunc(undecided, func(it *item) bool { return !it.postponed }) {
		return deliveries, nil
	}
	return nil, deliveries
}

// reset drops all references to the last batch. It keeps buffers for up to twice the
// usual number of items; none was filled further than the storage.
func (b *batch) reset(usual int) {
	n := len(b.storage)
	if cap(b.storage) > 2*usual {
		*b = batch{}
		return
	}
	clear(b.storage)
	clear(b.requests[:min(n, cap(b.requests))])
	clear(b.docs[:min(n, cap(b.docs))])
	clear(b.settlements[:min(n, cap(b.settlements))])
	*b = batch{
		storage: b.storage[:0], items: b.items[:0],
		open: b.open, requests: b.requests, docs: b.docs, settlements: b.settlements,
	}
}
