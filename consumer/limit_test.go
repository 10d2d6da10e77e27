package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

func TestVerdictsOfTheLimiter(t *testing.T) {
	r := newRig(t)
	now := time.UnixMilli(5000)
	r.opts.RedisTime = func(context.Context) (time.Time, error) { return now, nil }
	limit := limiter.Limit{Records: 5, Window: time.Minute}
	calls := 0
	r.opts.Limiter = limiterFunc(func(requests []limiter.Request) ([]limiter.Verdict, error) {
		if calls++; calls == 1 {
			return nil, errors.New("connection reset")
		}
		out := make([]limiter.Verdict, len(requests))
		for i, q := range requests {
			if q.CustomerID != "c-"+q.Member || q.At == 0 {
				t.Errorf("request %+v", q)
			}
			out[i] = map[string]limiter.Verdict{
				"ok":     {Decision: limiter.Admitted},
				"over":   {Decision: limiter.Refused, Limit: limit, RetryAt: 61_000},
				"again":  {Decision: limiter.Refused, Limit: limit},
				"later":  {Decision: limiter.Reserved, Place: 9000},
				"passed": {Decision: limiter.Reserved, Place: 4000},
			}[q.Member]
		}
		return out, nil
	})
	r.store.owned = func(d store.Document) bool { return d.Record.ID == "again" }
	s := newQueue("ok", "over", "again", "later", "passed", "bad")
	s.waiting[2].Redelivered = true
	var due time.Time
	s.settle = func(list []streams.Settlement) (streams.Settled, error) {
		for _, x := range list {
			if x.Outcome == record.Deferred {
				due = x.Due
			}
		}
		return streams.Settled{}, nil
	}
	wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Ingested: 3, record.RateLimited: 1, record.Deferred: 1, record.Malformed: 1})
	if due.UnixMilli() != 9000 {
		t.Errorf("due %v", due)
	}
	reason := fmt.Sprint(r.out.events("rate_limited")[0]["reason"])
	if !strings.HasPrefix(reason, "Rate limit exceeded") || !strings.Contains(reason, "1970-01-01T00:01:01Z") {
		t.Errorf("reason %q", reason)
	}
}

func TestTheProcessingClockLeavesTheTimeToRedis(t *testing.T) {
	r := newRig(t)
	r.opts.ProcessingClock = true
	var at []int64
	r.opts.Limiter = limiterFunc(func(requests []limiter.Request) ([]limiter.Verdict, error) {
		out := make([]limiter.Verdict, len(requests))
		for i, q := range requests {
			at = append(at, q.At)
			out[i].Decision = limiter.Admitted
		}
		return out, nil
	})
	s := newQueue("a", "b")
	s.waiting[1].AdmitAt = 77
	r.runAll(s)
	if !slices.Equal(at, []int64{0, 77}) {
		t.Errorf("judged at %v, want Redis' clock and the reserved place", at)
	}
}

// TestPanicBeforeTheLookUp has one between the limiter's refusal and the look-up of
// what is stored already: the refusal must not stand.
func TestPanicBeforeTheLookUp(t *testing.T) {
	r := newRig(t)
	r.opts.Limiter = limiterFunc(func(requests []limiter.Request) ([]limiter.Verdict, error) {
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
	s := newQueue("stored")
	s.waiting[0].Redelivered = true
	wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Ingested: 1})
}

// TestRedeliveredAndPutOff has places far ahead for all records, whose own places
// are long forgotten. What is stored already is not put off.
func TestRedeliveredAndPutOff(t *testing.T) {
	r := newRig(t)
	r.opts.Limiter = limiterFunc(func(requests []limiter.Request) ([]limiter.Verdict, error) {
		out := make([]limiter.Verdict, len(requests))
		for i := range out {
			out[i] = limiter.Verdict{Decision: limiter.Reserved, Place: time.Now().Add(time.Hour).UnixMilli()}
		}
		return out, nil
	})
	r.store.owned = func(d store.Document) bool { return d.Record.ID == "stored" }
	r.opts.RedisTime = func(context.Context) (time.Time, error) { return time.Now(), nil }
	s := newQueue("stored", "new")
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
			r.opts.Limiter = limiterFunc(func(requests []limiter.Request) ([]limiter.Verdict, error) {
				return slices.Repeat([]limiter.Verdict{c.verdict}, len(requests)), nil
			})
			r.opts.RedisTime = func(context.Context) (time.Time, error) { return time.Now(), nil }
			calls := 0
			r.store.owned = func(d store.Document) bool { calls++; return d.StreamID != "2-0" && d.Record.ID == "stored" }
			s := newQueue("stored", "stored", "new", "stored")
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
	r.opts.Limiter = limiterFunc(func(requests []limiter.Request) ([]limiter.Verdict, error) {
		return slices.Repeat([]limiter.Verdict{{Decision: limiter.Refused}}, len(requests)), nil
	})
	s := newQueue("a")
	s.waiting[0].ID = ""
	wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.RateLimited: 1})
	if r.store.lookups > 0 {
		t.Errorf("%d look-ups", r.store.lookups)
	}
}
