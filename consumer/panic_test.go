package consumer_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

func TestABodyThatPanicsTheDecoderIsPoisoned(t *testing.T) {
	r := newRig(t)
	q := newQueue("a", "b", "panic", "c", "bad", "panic 2")
	wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Ingested: 3, record.Malformed: 1, record.Poisoned: 2})
	if q.settled["3-0"] != record.Poisoned || q.settled["6-0"] != record.Poisoned {
		t.Errorf("settled %v", q.settled)
	}
}

// panicAt makes a stage panic at the records that a test chooses.
var panicAt = map[string]func(r *rig, panics func(id string) bool){
	"limiter": func(r *rig, panics func(string) bool) {
		r.opts.Limiter = limiterFunc(func(requests []limiter.Request) ([]limiter.Verdict, error) {
			for _, request := range requests {
				if panics(request.Member) {
					panic("limiter")
				}
			}
			return slices.Repeat([]limiter.Verdict{{Decision: limiter.Admitted}}, len(requests)), nil
		})
	},
	"lookup": func(r *rig, panics func(string) bool) {
		r.opts.Limiter = always(limiter.Verdict{Decision: limiter.Refused})
		r.store.owned = func(d store.Document) bool {
			if panics(d.Record.ID) {
				panic("lookup")
			}
			return true
		}
	},
	"store": func(r *rig, panics func(string) bool) {
		r.store.insert = func(_ context.Context, docs []store.Document) ([]store.Result, error) {
			for _, d := range docs {
				if panics(d.Record.ID) {
					panic("store")
				}
			}
			return ingested(docs), nil
		}
	},
}

// A stage panics at all records. They are failed attempts, and are ingested once the
// stage works again.
func TestAPanicAtAllRecordsPoisonsNone(t *testing.T) {
	for name, breakStage := range panicAt {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			var broken atomic.Bool
			broken.Store(true)
			breakStage(r, func(string) bool { return broken.Load() })
			q := &delayingQueue{fakeQueue: newQueue("a", "b", "bad", "c")}
			r.start(q)
			env.Eventually(t, soon, func() (bool, string) {
				return q.delayedCount() == 3, fmt.Sprintf("%d delayed, outcomes %v", q.delayedCount(), q.outcomes())
			})
			for _, d := range q.delayed {
				if !d.Failed {
					t.Errorf("%s was not nacked as a failed attempt", d.ID)
				}
			}
			if logged := r.out.events("warning"); len(logged) != 1 || logged[0]["level"] != "ERROR" || logged[0]["stack"] == nil {
				t.Errorf("logged %v, want the panic once", logged)
			}
			broken.Store(false)
			q.redeliver()
			env.Eventually(t, soon, func() (bool, string) {
				return len(q.outcomes()) > 0 && q.outcomes()[record.Ingested] == 3, fmt.Sprint(q.outcomes())
			})
			r.stop()
			r.waitOK()
			wantOutcomes(t, q.outcomes(), map[record.Outcome]int{record.Ingested: 3, record.Malformed: 1})
			if logged := r.out.events("warning"); len(logged) != 2 || logged[1]["status"] != "success" {
				t.Errorf("logged %v, want the recovery last", logged)
			}
		})
	}
}

// The queue can't delay deliveries. None is lost, and they keep their order.
func TestAPanicAtAllRecordsOfAList(t *testing.T) {
	r := newRig(t)
	broken := make(chan bool, 1000)
	panicAt["store"](r, func(string) bool { broken <- true; return true })
	q := newQueue("a", "b", "c")
	r.start(q)
	next(t, broken)
	r.stop()
	r.waitOK()
	wantOutcomes(t, q.outcomes(), map[record.Outcome]int{})
	var left []string
	for _, d := range q.waiting {
		left = append(left, string(d.Body))
	}
	if !slices.Equal(left, []string{"a", "b", "c"}) || len(q.held) > 0 {
		t.Errorf("waiting %q, held %v, want all three waiting", left, q.held)
	}
}

// A stage panics at one or two records: the first, the last, or in the middle.
func TestAPanicAtSomeRecordsPoisonsOnlyThose(t *testing.T) {
	for name, breakStage := range panicAt {
		for _, culprits := range []string{"a", "c", "e", "ab", "de"} {
			t.Run(name+"/"+culprits, func(t *testing.T) {
				r := newRig(t)
				breakStage(r, func(id string) bool { return strings.Contains(culprits, id) })
				q := newQueue("a", "b", "c", "d", "e")
				n := len(culprits)
				wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Ingested: 5 - n, record.Poisoned: n})
			})
		}
	}
}

// The attempt counts only if other records have come through the stage since the last
// panic.
func TestAPanicAtAQuarantinedEntry(t *testing.T) {
	for name, c := range map[string]struct {
		panics func(id string) bool
		want   []bool // Failed, by attempt
	}{
		"at all records": {func(string) bool { return true }, []bool{true, false}},
		"at this entry":  {func(id string) bool { return strings.HasPrefix(id, "quarantined") }, []bool{true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.opts.Lease, r.opts.Concurrency = soon, 1
			panicAt["store"](r, c.panics)
			q := &delayingQuarantineQueue{quarantineQueue: newQuarantineQueue("quarantined"), failed: make(chan bool, 10)}
			r.start(q)
			failed := []bool{next(t, q.failed)}
			q.mu.Lock()
			q.waiting = append(q.waiting, streams.Delivery{ID: "2-0", Body: []byte("other")}, streams.Delivery{ID: "1-0", Body: []byte("quarantined")})
			q.mu.Unlock()
			failed = append(failed, next(t, q.failed))
			if !slices.Equal(failed, c.want) {
				t.Errorf("counted %v, want %v", failed, c.want)
			}
			if n := q.outcomes()[record.Poisoned]; n > 0 {
				t.Errorf("%d are poisoned after two attempts", n)
			}
		})
	}
}

// delayingQuarantineQueue reports for each quarantined delivery whether its attempt has
// failed, and does not deliver it again.
type delayingQuarantineQueue struct {
	*quarantineQueue
	failed chan bool
}

func (q *delayingQuarantineQueue) NackWithDelay(_ context.Context, held []streams.Delivery) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range held {
		delete(q.held, d.ID)
		if d.Quarantined {
			q.failed <- d.Failed
		}
	}
	return nil
}

func next(t *testing.T, ch <-chan bool) bool {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(soon):
		t.Fatal("no value within the time limit")
		return false
	}
}
