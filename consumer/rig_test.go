package consumer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ingestion/consumer"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const soon = 60 * time.Second

// fakeQueue is a Queue in memory that can be made to fail.
type fakeQueue struct {
	mu        sync.Mutex
	waiting   []streams.Delivery
	held      map[string]bool
	settled   map[string]record.Outcome
	nacked    []string
	closed    bool
	extended  int
	largest   int // deliveries held at once
	receives  int
	receive   func() error // nil or an error instead of deliveries
	settle    func([]streams.Settlement) (streams.Settled, error)
	delivered int
}

func newQueue(bodies ...string) *fakeQueue {
	q := &fakeQueue{held: map[string]bool{}, settled: map[string]record.Outcome{}}
	for i, b := range bodies {
		q.waiting = append(q.waiting, streams.Delivery{ID: fmt.Sprintf("%d-0", i+1), Body: []byte(b), Deliveries: 1, ArrivedAt: int64(i + 1)})
	}
	return q
}

func (q *fakeQueue) Receive(ctx context.Context, most int) ([]streams.Delivery, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.receives++
	if q.receive != nil {
		if err := q.receive(); err != nil {
			return nil, err
		}
	}
	batch := slices.Clone(q.waiting[:min(most, len(q.waiting))])
	q.waiting = q.waiting[len(batch):]
	q.delivered += len(batch)
	for _, d := range batch {
		q.held[d.ID] = true
	}
	q.largest = max(q.largest, len(q.held))
	if len(batch) == 0 {
		q.mu.Unlock()
		pause(ctx)
		q.mu.Lock()
	}
	return batch, nil
}

// pause is the time for which Receive waits in an empty queue.
func pause(ctx context.Context) {
	timer := time.NewTimer(time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (q *fakeQueue) Settle(_ context.Context, list []streams.Settlement) (streams.Settled, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.settle != nil {
		if done, err := q.settle(list); err != nil || len(done.Kept) > 0 || done.GroupGone {
			return done, err
		}
	}
	for _, x := range list {
		delete(q.held, x.ID)
		q.settled[x.ID] = x.Outcome
	}
	return streams.Settled{Count: len(list)}, nil
}

func (q *fakeQueue) Extend(context.Context, []streams.Delivery) ([]string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.extended++
	return nil, nil
}

func (q *fakeQueue) Nack(_ context.Context, held []streams.Delivery) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range held {
		delete(q.held, d.ID)
		q.nacked = append(q.nacked, d.ID)
	}
	q.waiting = append(slices.Clone(held), q.waiting...)
	return nil
}

func (q *fakeQueue) BeginAttempt(_ context.Context, d streams.Delivery) (streams.Delivery, bool, error) {
	return d, true, nil
}

func (q *fakeQueue) Close(context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	return nil
}

func (q *fakeQueue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

func (q *fakeQueue) outcomes() map[record.Outcome]int {
	q.mu.Lock()
	defer q.mu.Unlock()
	counts := map[record.Outcome]int{}
	for _, o := range q.settled {
		counts[o]++
	}
	return counts
}

// fakeStore is a Store in memory whose methods a test can replace.
type fakeStore struct {
	mu     sync.Mutex
	docs   map[string]store.Document
	insert func(ctx context.Context, docs []store.Document) ([]store.Result, error)
	owned  func(store.Document) bool

	lookups int // calls of Owned
}

func (m *fakeStore) Insert(ctx context.Context, docs []store.Document) ([]store.Result, error) {
	if m.insert != nil {
		return m.insert(ctx, docs)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	results := make([]store.Result, len(docs))
	for i, d := range docs {
		results[i].Outcome = record.Ingested
		if _, ok := m.docs[d.Record.ID]; ok {
			results[i].Outcome = record.Duplicate
		}
		m.docs[d.Record.ID] = d
	}
	return results, nil
}

func (m *fakeStore) Owned(_ context.Context, docs []store.Document) ([]bool, error) {
	m.mu.Lock()
	m.lookups++
	m.mu.Unlock()
	owned := make([]bool, len(docs))
	for i, d := range docs {
		owned[i] = m.owned != nil && m.owned(d)
	}
	return owned, nil
}

// limiterFunc is a Limiter.
type limiterFunc func([]limiter.Request) ([]limiter.Verdict, error)

func (f limiterFunc) Judge(_ context.Context, r []limiter.Request) ([]limiter.Verdict, error) {
	return f(r)
}

// always returns a limiter with one verdict for all records.
func always(v limiter.Verdict) limiterFunc {
	return func(requests []limiter.Request) ([]limiter.Verdict, error) {
		return slices.Repeat([]limiter.Verdict{v}, len(requests)), nil
	}
}

// ingested returns the results of documents that are all ingested.
func ingested(docs []store.Document) []store.Result {
	return slices.Repeat([]store.Result{{Outcome: record.Ingested}}, len(docs))
}

// decode refuses "bad…" as malformed and "invalid…" as invalid, and panics at "panic…".
// Any other body is a record with that ID.
func decode(body []byte) (record.Record, error) {
	switch text := string(body); {
	case strings.HasPrefix(text, "bad"):
		return record.Record{}, &record.Refusal{Outcome: record.Malformed, Reason: "Invalid JSON: bad"}
	case strings.HasPrefix(text, "invalid"):
		return record.Record{}, &record.Refusal{Outcome: record.Invalid, Reason: "email: missing", CustomerID: "c"}
	case strings.HasPrefix(text, "panic"):
		panic("a body to panic at")
	default:
		return record.Record{ID: text, CustomerID: "c-" + text, Name: text}, nil
	}
}

// rig runs a consumer and captures its log.
type rig struct {
	t     *testing.T
	opts  consumer.Options
	store *fakeStore
	out   *lines
	stop  context.CancelFunc
	done  chan error
}

type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) events(name string) []map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []map[string]any
	for text := range strings.Lines(l.buf.String()) {
		var line map[string]any
		if json.Unmarshal([]byte(text), &line) == nil && line["msg"] == name {
			found = append(found, line)
		}
	}
	return found
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, store: &fakeStore{docs: map[string]store.Document{}}, out: &lines{}, done: make(chan error, 1)}
	r.opts = consumer.Options{
		Decode: decode, Store: r.store, Log: slog.New(slog.NewJSONHandler(r.out, &slog.HandlerOptions{Level: slog.LevelDebug})),
		BatchSize: 10, Concurrency: 4, ShutdownTimeout: 10 * time.Second, LogRaw: true,
	}
	return r
}

func (r *rig) start(q streams.Queue) {
	ctx, cancel := context.WithCancel(r.t.Context())
	r.stop = cancel
	c, err := consumer.New(r.opts)
	if err != nil {
		r.t.Fatal(err)
	}
	go func() { r.done <- c.Run(ctx, q) }()
	r.t.Cleanup(cancel)
}

// wait waits for Run and returns its error.
func (r *rig) wait() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(soon):
		r.t.Fatal("Run did not return in time")
		return nil
	}
}

func (r *rig) waitOK() {
	r.t.Helper()
	if err := r.wait(); err != nil {
		r.t.Fatal(err)
	}
}

// testQueue is a fakeQueue or embeds one.
type testQueue interface {
	streams.Queue
	size() int
	outcomes() map[record.Outcome]int
}

// runAll processes all deliveries that wait in the queue.
func (r *rig) runAll(q testQueue) map[record.Outcome]int {
	r.t.Helper()
	r.opts.MaxMessages = int64(q.size())
	r.start(q)
	r.waitOK()
	return q.outcomes()
}

func wantOutcomes(t *testing.T, got, want map[record.Outcome]int) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
}

func numbered(n int) []string {
	bodies := make([]string, n)
	for i := range bodies {
		bodies[i] = fmt.Sprintf("r%d", i)
	}
	return bodies
}
