package consumer_test

import (
	"context"
	"slices"
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
	s := newShelf("stored", "new")
	s.waiting[0].Redelivered, s.waiting[1].Redelivered = true, true
	wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Ingested: 1, record.Deferred: 1})
}

// TestRefusedAfterARewind has entries come as new ones though they are stored, as
// after a failover or XGROUP SETID, with no room in their windows any more. What
// is stored as an entry's own is ingested; another entry's document with the same
// _id changes nothing about a refusal.
func TestRefusedAfterARewind(t *testing.T) {
	far := time.Now().Add(time.Hour).UnixMilli()
	for name, c := range map[string]struct {
		verdict limiter.Verdict
		outcome record.Outcome
	}{
		"refused": {limiter.Verdict{Decision: limiter.Refused}, record.RateLimited},
		"blocked": {limiter.Verdict{Decision: limiter.Refused, Limit: limiter.Limit{Mode: limiter.Block}}, record.RateLimited},
		"put off": {limiter.Verdict{Decision: limiter.Reserved, Place: far}, record.Deferred},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.opts.Limiter = verdicts(func(requests []limiter.Request) ([]limiter.Verdict, error) {
				return slices.Repeat([]limiter.Verdict{c.verdict}, len(requests)), nil
			})
			r.opts.RedisTime = func(context.Context) (time.Time, error) { return time.Now(), nil }
			calls := 0
			r.store.owned = func(d store.Document) bool { calls++; return d.StreamID != "2-0" && d.Record.ID == "stored" }
			s := newShelf("stored", "stored", "new", "stored")
			wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Ingested: 2, c.outcome: 2})
			if s.settled["2-0"] != c.outcome || s.settled["3-0"] != c.outcome {
				t.Errorf("settled %v", s.settled)
			}
			if calls != 4 || r.store.lookups != 1 {
				t.Errorf("%d documents were looked up in %d calls, want 4 in one", calls, r.store.lookups)
			}
		})
	}
}

// TestRefusalsOfAListAreNotLookedUp: its records have no names of their own, so
// nothing stored is known to be theirs.
func TestRefusalsOfAListAreNotLookedUp(t *testing.T) {
	r := newRig(t)
	r.opts.Limiter = verdicts(func(requests []limiter.Request) ([]limiter.Verdict, error) {
		return slices.Repeat([]limiter.Verdict{{Decision: limiter.Refused}}, len(requests)), nil
	})
	s := newShelf("a")
	s.waiting[0].ID = ""
	wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.RateLimited: 1})
	if r.store.lookups > 0 {
		t.Errorf("%d look-ups", r.store.lookups)
	}
}
