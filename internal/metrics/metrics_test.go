package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"ingestion/consumer"
	"ingestion/internal/metrics"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a consumer on fakes, with metrics.
type rig struct {
	t       *testing.T
	gate    *consumer.Gate
	metrics *metrics.Metrics
	queue   *queue
	store   storeFunc
	limiter limiterFunc
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, gate: consumer.NewGate(), queue: &queue{}}
	r.metrics = metrics.New(metrics.Options{Build: metrics.Build{Version: "v1", Revision: "abc", GoVersion: "go1"}, Slots: 4, Gate: r.gate})
	r.store = func(docs []store.Document) []store.Result {
		return slices.Repeat([]store.Result{{Outcome: record.Ingested}}, len(docs))
	}
	return r
}

// run processes deliveries with the given bodies, all in one batch, and returns by how
// much each series has changed.
func (r *rig) run(deliveries ...streams.Delivery) map[string]float64 {
	r.t.Helper()
	before := r.gather()
	for i := range deliveries {
		deliveries[i].ID = fmt.Sprintf("%d-0", i+1)
	}
	r.queue.waiting = deliveries
	opts := consumer.Options{
		Decode: decode, Store: r.store, Log: slog.New(slog.DiscardHandler), Gate: r.gate,
		Observers: []consumer.Observer{r.metrics}, BatchSize: 10, Concurrency: 4, MaxMessages: int64(len(deliveries)),
		Lease: time.Minute, ShutdownTimeout: time.Minute,
		RedisTime: func(context.Context) (time.Time, error) { return time.UnixMilli(1_000_000), nil },
	}
	if r.limiter != nil {
		opts.Limiter = r.limiter
	}
	c, err := consumer.New(opts)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := c.Run(r.t.Context(), r.queue); err != nil {
		r.t.Fatal(err)
	}
	return difference(before, r.gather())
}

// gather returns the value of each series; of a histogram, the number of values.
func (r *rig) gather() map[string]float64 {
	r.t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	series := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			series[seriesName(f.GetName(), m.GetLabel())] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return series
}

func seriesName(family string, labels []*dto.LabelPair) string {
	name := strings.TrimPrefix(family, "ingestion_")
	for _, l := range labels {
		name += " " + l.GetValue()
	}
	return name
}

// difference leaves out what changes with every batch, and what the process changes.
func difference(before, after map[string]float64) map[string]float64 {
	changed := map[string]float64{}
	for name, value := range after {
		always := strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") ||
			strings.HasPrefix(name, "stage_duration") || name == "last_settled_timestamp_seconds"
		if delta := value - before[name]; delta != 0 && !always {
			changed[name] = delta
		}
	}
	return changed
}

// want compares the changes with those that every batch of n records makes, and others.
func (r *rig) want(got map[string]float64, n float64, others map[string]float64) {
	r.t.Helper()
	want := map[string]float64{"batches_total": 1, "batch_records": 1, "record_latency_seconds": n, "record_size_bytes": n}
	if _, ok := others["records_received_total lone"]; ok {
		delete(want, "record_size_bytes")
	} else if _, ok := others["records_received_total reclaimed"]; !ok {
		want["records_received_total new"] = n
	}
	maps.Copy(want, others)
	maps.DeleteFunc(want, func(_ string, v float64) bool { return v == 0 })
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("changes of the metrics, -want +got:\n%s", diff)
	}
}

func bodies(texts ...string) []streams.Delivery {
	var deliveries []streams.Delivery
	for _, text := range texts {
		deliveries = append(deliveries, streams.Delivery{Body: []byte(text), Deliveries: 1, ArrivedAt: time.Now().UnixMilli() - 100})
	}
	return deliveries
}

// decode refuses bodies by their first word, and panics at panic.
func decode(body []byte) (record.Record, error) {
	switch text := string(body); text {
	case "bad":
		return record.Record{}, &record.Refusal{Outcome: record.Malformed}
	case "invalid":
		return record.Record{}, &record.Refusal{Outcome: record.Invalid}
	case "panic":
		panic("a body to panic at")
	default:
		return record.Record{ID: text, CustomerID: text, Name: text}, nil
	}
}

type storeFunc func([]store.Document) []store.Result

func (f storeFunc) Insert(_ context.Context, docs []store.Document) ([]store.Result, error) {
	return f(docs), nil
}

func (storeFunc) Owned(_ context.Context, docs []store.Document) ([]bool, error) {
	return make([]bool, len(docs)), nil
}

type limiterFunc func(limiter.Request) limiter.Verdict

func (f limiterFunc) Judge(_ context.Context, requests []limiter.Request) ([]limiter.Verdict, error) {
	var verdicts []limiter.Verdict
	for _, r := range requests {
		verdicts = append(verdicts, f(r))
	}
	return verdicts, nil
}

// queue delivers once. Its calls fail as often as errors are given.
type queue struct {
	mu       sync.Mutex
	waiting  []streams.Delivery
	receives []error
	settles  []error
}

func (q *queue) Receive(context.Context, int) ([]streams.Delivery, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := next(&q.receives); err != nil {
		return nil, err
	}
	batch := q.waiting
	q.waiting = nil
	return batch, nil
}

func (q *queue) Settle(_ context.Context, list []streams.Settlement) (streams.Settled, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return streams.Settled{Count: len(list)}, next(&q.settles)
}

func next(errs *[]error) (err error) {
	if len(*errs) > 0 {
		err, *errs = (*errs)[0], (*errs)[1:]
	}
	return err
}

func (*queue) BeginAttempt(_ context.Context, d streams.Delivery) (streams.Delivery, bool, error) {
	return d, true, nil
}
func (*queue) Extend(context.Context, []streams.Delivery) ([]string, error) { return nil, nil }
func (*queue) Nack(context.Context, []streams.Delivery) error               { return nil }
func (*queue) Close(context.Context) error                                  { return nil }

func TestEachOutcomeIsCounted(t *testing.T) {
	for outcome, body := range map[record.Outcome]string{
		record.Malformed: "bad", record.Invalid: "invalid", record.Poisoned: "panic",
	} {
		r := newRig(t)
		r.want(r.run(bodies(body)...), 1, map[string]float64{"records_settled_total " + outcome.String(): 1})
	}
	for _, outcome := range []record.Outcome{record.Ingested, record.Duplicate, record.Rejected} {
		r := newRig(t)
		r.store = func([]store.Document) []store.Result { return []store.Result{{Outcome: outcome}} }
		r.want(r.run(bodies("good")...), 1, map[string]float64{"records_settled_total " + outcome.String(): 1})
	}
}

func TestAConflictIsCounted(t *testing.T) {
	r := newRig(t)
	r.store = func([]store.Document) []store.Result {
		return []store.Result{{Outcome: record.Duplicate}, {Outcome: record.Duplicate, Conflict: true}}
	}
	r.want(r.run(bodies("same", "other")...), 2, map[string]float64{"records_settled_total duplicate": 2, "conflicts_total": 1})
}

func TestDecisionsOfTheLimiterAreCounted(t *testing.T) {
	r := newRig(t)
	r.limiter = func(request limiter.Request) limiter.Verdict {
		switch request.CustomerID {
		case "refused":
			return limiter.Verdict{Decision: limiter.Refused}
		case "reserved":
			return limiter.Verdict{Decision: limiter.Reserved, Place: 1_005_000}
		case "due":
			return limiter.Verdict{Decision: limiter.Reserved, Place: 999_000}
		default:
			return limiter.Verdict{Decision: limiter.Admitted}
		}
	}
	r.want(r.run(bodies("a", "b", "c", "refused", "reserved", "due")...), 6, map[string]float64{
		"limiter_decisions_total admitted": 3, "limiter_decisions_total refused": 1, "limiter_decisions_total reserved": 2,
		"limiter_reserved_delay_seconds": 2,
		"records_settled_total ingested": 4, "records_settled_total rate_limited": 1, "records_settled_total deferred": 1,
	})
	families, err := r.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "ingestion_limiter_reserved_delay_seconds" && f.GetMetric()[0].GetHistogram().GetSampleSum() != 5 {
			t.Errorf("delays of %v s in all, want 5", f.GetMetric()[0].GetHistogram().GetSampleSum())
		}
	}
}

func TestReclaimedAndLoneDeliveriesAreCounted(t *testing.T) {
	r := newRig(t)
	again := bodies("good")
	again[0].Redelivered, again[0].Deliveries = true, 2
	r.want(r.run(again...), 1, map[string]float64{"records_received_total reclaimed": 1, "records_settled_total ingested": 1})
	lone := bodies("good")
	lone[0].Redelivered, lone[0].Quarantined = true, true
	r.want(r.run(lone...), 1, map[string]float64{"records_received_total lone": 1, "records_settled_total ingested": 1})
	before := r.gather()
	r.metrics.Claimed(3)
	if diff := cmp.Diff(map[string]float64{"claimed_entries_total": 3}, difference(before, r.gather())); diff != "" {
		t.Error(diff)
	}
}

// answer is an error reply of Redis.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

func TestRetriesAreCounted(t *testing.T) {
	r := newRig(t)
	r.queue.receives = []error{answer("LOADING Redis is loading the dataset in memory")}
	r.queue.settles = []error{context.DeadlineExceeded, errors.New("something else")}
	r.want(r.run(bodies("good")...), 1, map[string]float64{
		"records_settled_total ingested": 1,
		"retries_total loading redis":    1, "retries_total timeout redis": 1, "retries_total other redis": 1,
	})
	before := r.gather()
	for _, class := range store.RetryClasses() {
		r.metrics.StoreRetries(class)
		name := "retries_total " + class.String() + " mongo"
		if diff := cmp.Diff(map[string]float64{name: 1}, difference(before, r.gather())); diff != "" {
			t.Error(diff)
		}
		before = r.gather()
	}
}

func TestTheCausesOfAShutGateAreGauges(t *testing.T) {
	for _, kind := range consumer.CauseKinds() {
		r := newRig(t)
		before := r.gather()
		r.gate.Shut(consumer.Cause{Kind: kind, Of: "a"}, "reason")
		r.gate.Shut(consumer.Cause{Kind: kind, Of: "b"}, "reason")
		name := "reading_blocked " + string(kind)
		if diff := cmp.Diff(map[string]float64{name: 1}, difference(before, r.gather())); diff != "" {
			t.Error(diff)
		}
		r.gate.Open(consumer.Cause{Kind: kind, Of: "a"})
		r.gate.Open(consumer.Cause{Kind: kind, Of: "b"})
		if diff := cmp.Diff(map[string]float64{}, difference(before, r.gather())); diff != "" {
			t.Error(diff)
		}
	}
}

func TestWhatIsInFlightIsAGauge(t *testing.T) {
	r := newRig(t)
	var during map[string]float64
	r.store = func(docs []store.Document) []store.Result {
		during = r.gather()
		return slices.Repeat([]store.Result{{Outcome: record.Ingested}}, len(docs))
	}
	r.run(bodies("a", "b", "c")...)
	if during["records_in_flight"] != 3 || during["slots_in_use"] != 1 || during["slots"] != 4 {
		t.Errorf("%v records in flight in %v of %v slots, want 3 in 1 of 4", during["records_in_flight"], during["slots_in_use"], during["slots"])
	}
}

func TestEveryStageIsTimed(t *testing.T) {
	r := newRig(t)
	r.limiter = func(limiter.Request) limiter.Verdict { return limiter.Verdict{Decision: limiter.Admitted} }
	before := time.Now()
	r.run(bodies("a")...)
	series := r.gather()
	for _, stage := range []string{"receive", "decode", "limit", "insert", "log", "settle"} {
		if n := series["stage_duration_seconds "+stage]; n != 1 {
			t.Errorf("%s: timed %v times, want once", stage, n)
		}
	}
	if at := series["last_settled_timestamp_seconds"]; at < float64(before.UnixMilli())/1000 {
		t.Errorf("last settled at %v, want now, %v", at, before.Unix())
	}
}

// What is scraped from a worker that has done nothing: a rate over a series that
// begins with its first event would miss that event.
func TestEverySeriesExistsFromTheStart(t *testing.T) {
	r := newRig(t)
	series := r.gather()
	want := []string{
		"build_info go1 abc v1", "slots", "slots_in_use", "records_in_flight", "claimed_entries_total", "conflicts_total", "batches_total",
		"record_latency_seconds", "batch_records", "record_size_bytes", "limiter_reserved_delay_seconds", "last_settled_timestamp_seconds",
		"records_received_total new", "records_received_total reclaimed", "records_received_total lone",
		"reading_blocked mongo", "reading_blocked redis_full", "reading_blocked paused",
		"limiter_decisions_total admitted", "limiter_decisions_total refused", "limiter_decisions_total reserved",
		"stage_duration_seconds receive", "stage_duration_seconds log",
		"retries_total timeout redis", "retries_total transient mongo", "go_goroutines", "process_cpu_seconds_total",
	}
	for _, outcome := range record.Outcomes() {
		want = append(want, "records_settled_total "+outcome.String())
	}
	for _, name := range want {
		if _, ok := series[name]; !ok {
			t.Errorf("no series %s", name)
		}
	}
	r.run(bodies("good", "bad")...)
	for name := range r.gather() {
		if _, ok := series[name]; !ok {
			t.Errorf("series %s begins later", name)
		}
	}
}

func TestTheMetricsFollowTheConventions(t *testing.T) {
	families, err := newRig(t).metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "ingestion_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}
