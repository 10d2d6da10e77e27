package consumer

import (
	"errors"
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
	barred     bool      // it can't be worked on for now
	panicked   *panicError
	keep       bool // its dead letter is kept even where they are off
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
	return streams.Settlement{Delivery: e.Delivery, Outcome: e.outcome, Reason: e.reason, Due: e.due, Keep: e.keep}
}
