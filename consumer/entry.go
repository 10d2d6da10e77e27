package consumer

import (
	"errors"
	"slices"
	"time"

	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// entry is a delivery on its way to an outcome.
type entry struct {
	*streams.Delivery
	record     record.Record // set where decoding succeeded
	customerID string        // for the log, where it is readable
	outcome    record.Outcome
	reason     string
	conflict   bool
	due        time.Time // of a deferred one
	barred     bool      // its customer can't be judged for now
}

func newEntries(deliveries []streams.Delivery) []*entry {
	entries := make([]*entry, len(deliveries))
	for i := range deliveries {
		entries[i] = &entry{Delivery: &deliveries[i]}
	}
	return entries
}

func (e *entry) open() bool { return e.outcome == 0 }

func (e *entry) end(outcome record.Outcome, reason string) {
	e.outcome, e.reason = outcome, reason
}

func (e *entry) refuse(err error) {
	var refusal *record.Refusal
	if !errors.As(err, &refusal) {
		e.end(record.Malformed, "Invalid JSON: "+err.Error())
		return
	}
	e.customerID = refusal.CustomerID
	e.end(refusal.Outcome, refusal.Reason)
}

func (e *entry) document() store.Document {
	return store.Document{Record: e.record, StreamID: e.FirstID()}
}

func (e *entry) settlement() streams.Settlement {
	return streams.Settlement{Delivery: e.Delivery, Outcome: e.outcome, Reason: e.reason, Due: e.due}
}

// stillOpen lists the entries that have no outcome yet.
func stillOpen(entries []*entry) []*entry {
	var open []*entry
	for _, e := range entries {
		if e.open() {
			open = append(open, e)
		}
	}
	return open
}

// unfinished lists the deliveries without an outcome: all as open if time ran
// out for one of them, else as barred, since they can't be judged for now.
func unfinished(entries []*entry) (open, barred []streams.Delivery) {
	left := stillOpen(entries)
	deliveries := make([]streams.Delivery, len(left))
	for i, e := range left {
		deliveries[i] = *e.Delivery
	}
	if slices.ContainsFunc(left, func(e *entry) bool { return !e.barred }) {
		return deliveries, nil
	}
	return nil, deliveries
}
