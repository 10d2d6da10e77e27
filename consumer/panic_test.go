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

// faultyAt has a stage of processing panic at records that a test chooses.
var faultyAt = map[string]func(r *rig, panics func(id string) bool){
	"limiter": func(r *rig, panics func(string) bool) {
		r.opts.Limiter = verdicts(func(requests []limiter.Request) ([]limiter.Verdict, error) {
			for _, request := range requests {
				if panics(request.Member) {
					panic("limiter")
				}
			}
			return slices.Repeat([]limiter.Verdict{{Decision: limiter.Admitted}}, len(requests)), nil
		})
	},
	"look-up": func(r *rig, panics func(string) bool) {
		r.opts.Limiter = verdicts(func(requests []limiter.Request) ([]limiter.Verdict, error) {
			return slices.Repeat([]limiter.Verdict{{Decision: limiter.Refused}}, len(requests)), nil
		})
		r.store.owned = func(d store.Document) bool {
			if panics(d.Record.ID) {
				panic("look-up")
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
			return slices.Repeat([]store.Result{{Outcome: record.Ingested}}, len(docs)), nil
		}
	},
}

// TestAPanicAtAllIsNoRecordsFault breaks a stage for all records. They are failed
// attempts, and go in once it works again.
func TestAPanicAtAllIsNoRecordsFault(t *testing.T) {
	for name, breakStage := range faultyAt {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			var broken atomic.Bool
			broken.Store(true)
			breakStage(r, func(string) bool { return broken.Load() })
			s := &postponing{shelf: newShelf("a", "b", "bad", "c")}
			r.start(s)
			env.Eventually(t, soon, func() (bool, string) {
				return s.keeps() == 3, fmt.Sprintf("%d kept back, outcomes %v", s.keeps(), s.outcomes())
			})
			for _, d := range s.kept {
				if !d.Failed {
					t.Errorf("%s was handed back as if it had not been worked on", d.ID)
				}
			}
			if said := r.out.events("warning"); len(said) != 1 || said[0]["level"] != "ERROR" || said[0]["stack"] == nil {
				t.Errorf("said %v, want the panic once", said)
			}
			broken.Store(false)
			s.letGo()
			env.Eventually(t, soon, func() (bool, string) {
				return len(s.outcomes()) > 0 && s.outcomes()[record.Ingested] == 3, fmt.Sprint(s.outcomes())
			})
			r.stop()
			if err := r.wait(); err != nil {
				t.Fatal(err)
			}
			wantOutcomes(t, s.outcomes(), map[record.Outcome]int{record.Ingested: 3, record.Malformed: 1})
			if said := r.out.events("warning"); len(said) != 2 || said[1]["status"] != "success" {
				t.Errorf("said %v, want at last that it works again", said)
			}
		})
	}
}

// TestAPanicAtAllOfAList hands records back to a queue that can't keep them back:
// none is lost, and they keep their order.
func TestAPanicAtAllOfAList(t *testing.T) {
	r := newRig(t)
	broken := make(chan bool, 1000)
	faultyAt["store"](r, func(string) bool { broken <- true; return true })
	s := newShelf("a", "b", "c")
	r.start(s)
	next(t, broken)
	r.stop()
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, s.outcomes(), map[record.Outcome]int{})
	var left []string
	for _, d := range s.waiting {
		left = append(left, string(d.Body))
	}
	if !slices.Equal(left, []string{"a", "b", "c"}) || len(s.held) > 0 {
		t.Errorf("waiting %q, held %v, want all three waiting", left, s.held)
	}
}

// TestAPanicAtOneRecord breaks a stage for one record of a batch, the first, one
// in the middle or the last: that one is poisoned and costs no other.
func TestAPanicAtOneRecord(t *testing.T) {
	for name, breakStage := range faultyAt {
		for _, culprits := range []string{"a", "c", "e", "ab", "de"} {
			t.Run(name+"/"+culprits, func(t *testing.T) {
				r := newRig(t)
				breakStage(r, func(id string) bool { return strings.Contains(culprits, id) })
				s := newShelf("a", "b", "c", "d", "e")
				n := len(culprits)
				wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Ingested: 5 - n, record.Poisoned: n})
			})
		}
	}
}

// TestAPanicAtASuspect counts as its death only where others have come through
// since the last panic.
func TestAPanicAtASuspect(t *testing.T) {
	for name, c := range map[string]struct {
		panics func(id string) bool
		want   []bool // Failed, by try
	}{
		"at all":  {func(string) bool { return true }, []bool{true, false}},
		"at this": {func(id string) bool { return strings.HasPrefix(id, "suspect") }, []bool{true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.opts.Lease, r.opts.Concurrency = soon, 1
			faultyAt["store"](r, c.panics)
			w := &patientWard{ward: newWard("suspect"), failed: make(chan bool, 10)}
			r.start(w)
			failed := []bool{next(t, w.failed)}
			w.mu.Lock()
			w.waiting = append(w.waiting, streams.Delivery{ID: "2-0", Body: []byte("other")}, streams.Delivery{ID: "1-0", Body: []byte("suspect")})
			w.mu.Unlock()
			failed = append(failed, next(t, w.failed))
			if !slices.Equal(failed, c.want) {
				t.Errorf("counted %v, want %v", failed, c.want)
			}
			if n := w.outcomes()[record.Poisoned]; n > 0 {
				t.Errorf("%d poisoned at the first tries", n)
			}
		})
	}
}

// patientWard is a ward that keeps deliveries back, and tells of each suspect
// whether its attempt has failed.
type patientWard struct {
	*ward
	failed chan bool
}

func (w *patientWard) NackWithDelay(_ context.Context, held []streams.Delivery) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range held {
		delete(w.held, d.ID)
		if d.Quarantined {
			w.failed <- d.Failed
		}
	}
	return nil
}

func next(t *testing.T, told <-chan bool) bool {
	t.Helper()
	select {
	case v := <-told:
		return v
	case <-time.After(soon):
		t.Fatal("nothing is told")
		return false
	}
}
