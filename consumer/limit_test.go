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

func TestTheLimitersVerdictsDecide(t *testing.T) {
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
		for i, req := range requests {
			if req.CustomerID != "c-"+req.Member || req.At == 0 {
				t.Errorf("request %+v", req)
			}
			out[i] = map[string]limiter.Verdict{
				"ok":    {Decision: limiter.Admitted},
				"over":  {Decision: limiter.Refused, Limit: limit, RetryAt: 61_000},
				"again": {Decision: limiter.Refused, Limit: limit},
				"later": {Decision: limiter.Reserved, Place: 9000},
				"due":   {Decision: limiter.Reserved, Place: 4000},
			}[req.Member]
		}
		return out, nil
	})
	r.store.owned = func(d store.Document) bool { return d.Record.ID == "again" }
	q := newQueue("ok", "over", "again", "later", "due", "bad")
	q.waiting[2].Redelivered = true
	var due time.Time
	q.settle = func(list []streams.Settlement) (streams.Settled, error) {
		for _, x := range list {
			if x.Outcome == record.Deferred {
				due = x.Due
			}
			if limited := x.Outcome == record.Deferred || x.Outcome == record.RateLimited; limited && !strings.HasPrefix(x.CustomerID, "c-") {
				t.Errorf("%s: the customer is %q", x.Outcome, x.CustomerID)
			}
		}
		return streams.Settled{}, nil
	}
	wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Ingested: 3, record.RateLimited: 1, record.Deferred: 1, record.Malformed: 1})
	if due.UnixMilli() != 9000 {
		t.Errorf("due %v", due)
	}
	reason := fmt.Sprint(r.out.events("rate_limited")[0]["reason"])
	if !strings.HasPrefix(reason, "Rate limit exceeded") || !strings.Contains(reason, "1970-01-01T00:01:01Z") {
		t.Errorf("reason %q", reason)
	}
}

func TestWithTheProcessingClockRedisSetsTheTime(t *testing.T) {
	r := newRig(t)
	r.opts.ProcessingClock = true
	var at []int64
	r.opts.Limiter = limiterFunc(func(requests []limiter.Request) ([]limiter.Verdict, error) {
		out := make([]limiter.Verdict, len(requests))
		for i, req := range requests {
			at = append(at, req.At)
			out[i].Decision = limiter.Admitted
		}
		return out, nil
	})
	q := newQueue("a", "b")
	q.waiting[1].AdmitAt = 77
	r.runAll(q)
	if !slices.Equal(at, []int64{0, 77}) {
		t.Errorf("limited at %v, want 0 and the time of the reserved slot", at)
	}
}

// After a panic between the limiter's refusal and the lookup, the refusal must not stand.
func TestAPanicDuringTheLookupDropsTheRefusal(t *testing.T) {
	r := newRig(t)
	r.opts.Limiter = always(limiter.Verdict{Decision: limiter.Refused})
	panicked := false
	r.store.owned = func(store.Document) bool {
		if !panicked {
			panicked = true
			panic("lookup")
		}
		return true
	}
	q := newQueue("stored")
	q.waiting[0].Redelivered = true
	wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Ingested: 1})
}

// The limiter no longer knows the slots of redelivered records and reserves new ones.
// A record that is stored already must not be deferred.
func TestAStoredRecordIsNotDeferred(t *testing.T) {
	r := newRig(t)
	r.opts.Limiter = always(limiter.Verdict{Decision: limiter.Reserved, Place: time.Now().Add(time.Hour).UnixMilli()})
	r.store.owned = func(d store.Document) bool { return d.Record.ID == "stored" }
	r.opts.RedisTime = func(context.Context) (time.Time, error) { return time.Now(), nil }
	q := newQueue("stored", "new")
	q.waiting[0].Redelivered, q.waiting[1].Redelivered = true, true
	wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Ingested: 1, record.Deferred: 1})
}

// After a failover or XGROUP SETID, stored entries are delivered as if they were new, and
// their windows may be full. An entry whose own document is stored is ingested; the
// document of another entry with the same _id does not change a refusal.
func TestDenialsAfterARewind(t *testing.T) {
	far := time.Now().Add(time.Hour).UnixMilli()
	for name, c := range map[string]struct {
		verdict limiter.Verdict
		outcome record.Outcome
	}{
		"refused":  {limiter.Verdict{Decision: limiter.Refused}, record.RateLimited},
		"blocked":  {limiter.Verdict{Decision: limiter.Refused, Limit: limiter.Limit{Mode: limiter.Block}}, record.RateLimited},
		"deferred": {limiter.Verdict{Decision: limiter.Reserved, Place: far}, record.Deferred},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.opts.Limiter = always(c.verdict)
			r.opts.RedisTime = func(context.Context) (time.Time, error) { return time.Now(), nil }
			calls := 0
			r.store.owned = func(d store.Document) bool { calls++; return d.StreamID != "2-0" && d.Record.ID == "stored" }
			q := newQueue("stored", "stored", "new", "stored")
			wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Ingested: 2, c.outcome: 2})
			if q.settled["2-0"] != c.outcome || q.settled["3-0"] != c.outcome {
				t.Errorf("settled %v", q.settled)
			}
			if calls != 4 || r.store.lookups != 1 {
				t.Errorf("looked up %d documents in %d calls, want 4 in one", calls, r.store.lookups)
			}
		})
	}
}

// Records of a list have no ID by which their documents could be recognized.
func TestRefusalsInAListAreNotLookedUp(t *testing.T) {
	r := newRig(t)
	r.opts.Limiter = always(limiter.Verdict{Decision: limiter.Refused})
	q := newQueue("a")
	q.waiting[0].ID = ""
	wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.RateLimited: 1})
	if r.store.lookups > 0 {
		t.Errorf("%d lookups, want none", r.store.lookups)
	}
}
