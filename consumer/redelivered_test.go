package consumer_test

import (
	"context"
	"testing"
	"time"

	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
)

// TestPanicBeforeTheLookUp has one between the limiter's refusal and the look-up of
// what is stored already: the refusal must not stand.
func TestPanicBeforeTheLookUp(t *testing.T) {
	r := newRig(t)
	r.opts.Limiter = verdicts(func(requests []limiter.Request) ([]limiter.Verdict, error) {
		out := make([]limiter.Verdict, len(requests))
		for i := range out {
			out[i].Decision = limiter.Refused
		}
		return out, nil
	})
	panicked := false
	r.store.owned = func(store.Document) bool {
		if !panicked {
			panicked = true
			panic("look-up")
		}
		return true
	}
	s := newShelf("stored")
	s.waiting[0].Redelivered = true
	wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Ingested: 1})
}

// TestRedeliveredAndPutOff has places far ahead for all records, whose own places
// are long forgotten. What is stored already is not put off.
func TestRedeliveredAndPutOff(t *testing.T) {
	r := newRig(t)
	r.opts.Limiter = verdicts(func(requests []limiter.Request) ([]limiter.Verdict, error) {
		out := make([]limiter.Verdict, len(requests))
		for i := range out {
			out[i] = limiter.Verdict{Decision: limiter.Reserved, Place: time.Now().Add(time.Hour).UnixMilli()}
		}
		return out, nil
	})
	r.store.owned = func(d store.Document) bool { return d.Record.ID == "stored" }
	r.opts.RedisTime = func(context.Context) (time.Time, error) { return time.Now(), nil }
	s := newShelf("stored", "new", "stored")
	s.waiting[0].Redelivered, s.waiting[1].Redelivered = true, true
	wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Ingested: 1, record.Deferred: 2})
}
