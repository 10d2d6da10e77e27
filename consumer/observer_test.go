package consumer_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"ingestion/consumer"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// recorder is an Observer that records the stages of all batches.
type recorder struct {
	mu      sync.Mutex
	open    map[consumer.Stage]int
	stages  []string // the ended ones, in which something took part; "!" after those with an error
	results map[consumer.Stage][]consumer.Result
	retries []string
}

type stageKey struct{}

func (r *recorder) Begin(ctx context.Context, stage consumer.Stage, deliveries []streams.Delivery) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open, r.results = map[consumer.Stage]int{}, map[consumer.Stage][]consumer.Result{}
	}
	r.open[stage]++
	if (len(deliveries) > 0) != (stage == consumer.Process) {
		r.stages = append(r.stages, "deliveries in "+stage.String())
	}
	return context.WithValue(ctx, stageKey{}, stage)
}

func (r *recorder) End(ctx context.Context, stage consumer.Stage, result consumer.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[stage]--
	if ctx.Value(stageKey{}) != stage {
		r.stages = append(r.stages, "wrong context in "+stage.String())
	}
	result.Deliveries, result.Settled = slices.Clone(result.Deliveries), slices.Clone(result.Settled)
	r.results[stage] = append(r.results[stage], result)
	if result.Err != nil {
		r.stages = append(r.stages, stage.String()+"!")
	} else if result.Records > 0 {
		r.stages = append(r.stages, stage.String())
	}
}

func (r *recorder) Retrying(_ context.Context, server string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.retries = append(r.retries, server+": "+err.Error())
}

// check compares the stages that have ended, and reports those that have not.
func (r *recorder) check(t *testing.T, want string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if got := strings.Join(r.stages, " "); got != want {
		t.Errorf("stages: %s\n want: %s", got, want)
	}
	for stage, n := range r.open {
		if n != 0 {
			t.Errorf("%s: %d more calls of Begin than of End", stage, n)
		}
	}
}

// last returns the last result of a stage.
func (r *recorder) last(stage consumer.Stage) consumer.Result {
	return r.results[stage][len(r.results[stage])-1]
}

func TestAnObserverSeesEachStage(t *testing.T) {
	r, seen := newRig(t), &recorder{}
	r.opts.Observers = []consumer.Observer{seen}
	r.opts.Limiter = limiterFunc(func(requests []limiter.Request) ([]limiter.Verdict, error) {
		verdicts := slices.Repeat([]limiter.Verdict{{Decision: limiter.Admitted}}, len(requests))
		verdicts[0].Decision = limiter.Refused
		return verdicts, nil
	})
	r.store.insert = func(_ context.Context, docs []store.Document) ([]store.Result, error) {
		return []store.Result{{Outcome: record.Ingested}, {Outcome: record.Duplicate, Conflict: true}}, nil
	}
	r.runAll(newQueue("bad", "refused", "ingested", "conflict"))
	seen.check(t, "receive decode lookup limit insert log settle process")
	for stage, want := range map[consumer.Stage]int{
		consumer.Process: 4, consumer.Decode: 4, consumer.Limit: 3, consumer.LookUp: 1,
		consumer.Insert: 2, consumer.Log: 4, consumer.Settle: 4,
	} {
		if got := seen.last(stage).Records; got != want {
			t.Errorf("%s: %d records, want %d", stage, got, want)
		}
	}
	if n := len(seen.results[consumer.Receive][0].Deliveries); n != 4 {
		t.Errorf("%d deliveries received, want 4", n)
	}
	if n := len(seen.last(consumer.Limit).Verdicts); n != 3 {
		t.Errorf("%d verdicts, want 3", n)
	}
	if got := seen.last(consumer.Settle); len(got.Settled) != 4 || got.Conflicts != 1 {
		t.Errorf("%d settled with %d conflicts, want 4 with 1", len(got.Settled), got.Conflicts)
	}
}

func TestAnObserverSeesWhatEachAttemptSettles(t *testing.T) {
	r, seen, calls := newRig(t), &recorder{}, 0
	r.opts.Observers = []consumer.Observer{seen}
	q := newQueue("bad", "good")
	q.settle = func([]streams.Settlement) (streams.Settled, error) {
		switch calls++; calls {
		case 1:
			return streams.Settled{}, errors.New("LOADING")
		case 2:
			return streams.Settled{Count: 1, Kept: []string{"1-0"}, Cause: errors.New("OOM")}, nil
		default:
			return streams.Settled{}, nil
		}
	}
	r.runAll(q)
	seen.check(t, "receive decode insert log settle! settle settle process")
	settles := seen.results[consumer.Settle]
	if got := settles[1].Settled; len(got) != 1 || got[0].ID != "2-0" {
		t.Errorf("the second attempt settled %d, want 2-0", len(got))
	}
	if got := settles[2].Settled; len(got) != 1 || got[0].ID != "1-0" {
		t.Errorf("the third attempt settled %d, want 1-0", len(got))
	}
	if len(seen.retries) != 2 || seen.retries[0] != "Redis: LOADING" || !strings.Contains(seen.retries[1], "OOM") {
		t.Errorf("retries: %q", seen.retries)
	}
}

func TestAStageThatPanicsEnds(t *testing.T) {
	r, seen := newRig(t), &recorder{}
	r.opts.Observers = []consumer.Observer{seen}
	r.store.insert = func(_ context.Context, docs []store.Document) ([]store.Result, error) {
		for _, d := range docs {
			if d.Record.ID == "culprit" {
				panic("a record to panic at")
			}
		}
		return ingested(docs), nil
	}
	r.runAll(newQueue("culprit", "other"))
	// Together, each alone, and the culprit again. What is decoded stays decoded.
	seen.check(t, "receive decode insert! decode insert! decode insert decode insert! log settle process")
}
