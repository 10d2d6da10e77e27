package limiter_test

import (
	"context"
	"flag"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"ingestion/limiter"
)

// traces is on how much random traffic a property is tried unless -rapid.checks
// says otherwise.
const traces = "1000"

func checks(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	n := flag.Lookup("rapid.checks")
	if given := n.Value.String(); given == n.DefValue {
		if err := n.Value.Set(traces); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = n.Value.Set(given) }()
	}
	rapid.Check(t, property)
}

// TestScriptAnswersAsTheModel also checks the admitted set without the model.
func TestScriptAnswersAsTheModel(t *testing.T) {
	client := clocked(t, realRedis(t))
	checks(t, func(t *rapid.T) {
		tr := drawTrace(t)
		r := newReplay(t, client, tr)
		for _, b := range tr.batches {
			r.play(b)
		}
		if !tr.changing {
			r.rule.holds(t, tr.limit)
		}
	})
}

// replay plays a trace to script and model.
type replay struct {
	t       *rapid.T
	client  *redis.Client
	trace   trace
	config  limiter.Config
	limiter *limiter.Limiter
	model   limiter.Model
	own     map[string]string
	clock   int64
	rule    rule
}

func newReplay(t *rapid.T, client *redis.Client, tr trace) *replay {
	if err := client.FlushDB(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	cfg := config(tr.limit.Records, tr.limit.Window)
	cfg.Reserve, cfg.MaxDelay = tr.reserve, tr.maxDelay
	cfg.Budget, cfg.Slice = tr.budget, tr.slice
	return &replay{
		t: t, client: client, trace: tr, config: cfg,
		limiter: newLimiter(t, client, cfg),
		model:   limiter.Model{Reserve: tr.reserve, MaxDelay: tr.maxDelay},
		own:     map[string]string{},
		rule:    rule{},
	}
}

func (r *replay) play(b batch) {
	r.change(b.own)
	r.clock = b.clock
	setClock(r.t, r.client, b.clock)
	first := r.judge(b.requests)
	before := r.rule.size()
	if !b.again {
		return
	}
	for i, v := range r.judge(b.requests) {
		if first[i].Decision != limiter.Refused && v.Decision == limiter.Refused {
			r.t.Fatalf("%+v: first %+v, then %+v", b.requests[i], first[i], v)
		}
	}
	if after := r.rule.size(); after != before {
		r.t.Fatalf("the same batch again took %d more places: %+v", after-before, b.requests)
	}
}

// judge wants the script to answer as the model does.
func (r *replay) judge(requests []limiter.Request) []limiter.Verdict {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	got, err := r.limiter.Judge(ctx, requests)
	if err != nil {
		r.t.Fatal(err)
	}
	want := make([]limiter.Verdict, len(requests))
	for i, request := range requests {
		request.At = min(request.At, r.clock)
		want[i] = r.model.Judge(request, r.limit(request.CustomerID))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Fatalf("script differs from the model at %d (-model +script):\n%s\nrequests: %+v", r.clock, diff, requests)
	}
	for i, verdict := range got {
		r.rule.check(r.t, requests[i], verdict)
	}
	return got
}

func (r *replay) change(own map[string]string) {
	for customer, text := range own {
		r.own[customer] = text
		err := r.client.HSet(context.Background(), "{q}:limits", customer, text).Err()
		if text == "" {
			err = r.client.HDel(context.Background(), "{q}:limits", customer).Err()
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *replay) limit(customer string) limiter.Limit {
	if limit, err := limiter.ParseLimit(r.own[customer]); err == nil {
		return limit
	}
	return r.trace.limit
}
