package consumer

import (
	"slices"

	"ingestion/limiter"
	"ingestion/store"
	"ingestion/streams"
)

// batch is the work on some deliveries and the room that it takes. There is one
// for each slot, used again for what comes next; it belongs to one goroutine at
// a time. What its methods return holds until they are called again.
type batch struct {
	entries []entry
	all     []*entry

	open        []*entry
	requests    []limiter.Request
	docs        []store.Document
	settlements []streams.Settlement

	stage  stage        // what it was last at
	passed [stages]bool // what it, or a part of it, has come through
}

// begin takes in deliveries, which must stay as they are until the end.
func (b *batch) begin(deliveries []streams.Delivery) {
	b.entries = slices.Grow(b.entries[:0], len(deliveries))
	b.all = slices.Grow(b.all[:0], len(deliveries))
	for i := range deliveries {
		b.entries = append(b.entries, entry{Delivery: &deliveries[i]})
		b.all = append(b.all, &b.entries[i])
	}
}

// end lets go of all data, and of room that was needed for once only. No list of
// the batch was longer than its entries.
func (b *batch) end(usual int) {
	if cap(b.entries) > 2*usual {
		*b = batch{}
		return
	}
	n := len(b.entries)
	clear(b.entries)
	clear(b.requests[:min(n, cap(b.requests))])
	clear(b.docs[:min(n, cap(b.docs))])
	clear(b.settlements[:min(n, cap(b.settlements))])
	b.entries, b.all = b.entries[:0], b.all[:0]
}

// stillOpen lists those of the entries that have no outcome yet.
func (b *batch) stillOpen(entries []*entry) []*entry {
	b.open = b.open[:0]
	for _, e := range entries {
		if e.open() {
			b.open = append(b.open, e)
		}
	}
	return b.open
}

// documents are those of entries that have a record.
func (b *batch) documents(entries []*entry) []store.Document {
	b.docs = b.docs[:0]
	for _, e := range entries {
		b.docs = append(b.docs, e.document())
	}
	return b.docs
}

// settled lists the settlements of the entries that have an outcome.
func (b *batch) settled() []streams.Settlement {
	b.settlements = b.settlements[:0]
	for _, e := range b.all {
		if !e.open() {
			b.settlements = append(b.settlements, e.settlement())
		}
	}
	return b.settlements
}

// unfinished lists the deliveries without an outcome: all as open if time ran
// out for one of them, else as barred, since they can't be worked on now.
func (b *batch) unfinished() (open, barred []streams.Delivery) {
	left := b.stillOpen(b.all)
	if len(left) == 0 {
		return nil, nil
	}
	deliveries := make([]streams.Delivery, len(left))
	for i, e := range left {
		deliveries[i] = *e.Delivery
	}
	if slices.ContainsFunc(left, func(e *entry) bool { return !e.barred }) {
		return deliveries, nil
	}
	return nil, deliveries
}
