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

const soon = 10 * time.Second

// fakeQueue is a Queue in memory that lets a test break it.
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
	s := &fakeQueue{held: map[string]bool{}, settled: map[string]record.Outcome{}}
	for i, b := range bodies {
		s.waiting = append(s.waiting, streams.Delivery{ID: fmt.Sprintf("%d-0", i+1), Body: []byte(b), Deliveries: 1, ArrivedAt: int64(i + 1)})
	}
	return s
}

func (s *fakeQueue) Receive(ctx context.Context, most int) ([]streams.Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receives++
	if s.receive != nil {
		if err := s.receive(); err != nil {
			return nil, err
		}
	}
	batch := slices.Clone(s.waiting[:min(most, len(s.waiting))])
	s.waiting = s.waiting[len(batch):]
	s.delivered += len(batch)
	for _, d := range batch {
		s.held[d.ID] = true
	}
	s.largest = max(s.largest, len(s.held))
	if len(batch) == 0 {
		s.mu.Unlock()
		pause(ctx)
		s.mu.Lock()
	}
	return batch, nil
}

// pause is the wait of a queue that has nothing.
func pause(ctx context.Context) {
	timer := time.NewTimer(time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (s *fakeQueue) Settle(_ context.Context, list []streams.Settlement) (streams.Settled, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settle != nil {
		if done, err := s.settle(list); err != nil || len(done.Kept) > 0 || done.GroupGone {
			return done, err
		}
	}
	for _, x := range list {
		delete(s.held, x.ID)
		s.settled[x.ID] = x.Outcome
	}
	return streams.Settled{Count: len(list)}, nil
}

func (s *fakeQueue) Extend(context.Context, []streams.Delivery) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.extended++
	return nil, nil
}

func (s *fakeQueue) Nack(_ context.Context, held []streams.Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range held {
		delete(s.held, d.ID)
		s.nacked = append(s.nacked, d.ID)
	}
	s.waiting = append(slices.Clone(held), s.waiting...)
	return nil
}

func (s *fakeQueue) Try(_ context.Context, d streams.Delivery) (streams.Delivery, bool, error) {
	return d, true, nil
}

func (s *fakeQueue) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *fakeQueue) outcomes() map[record.Outcome]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[record.Outcome]int{}
	for _, o := range s.settled {
		counts[o]++
	}
	return counts
}

// fakeStore is a Store that ingests everything, unless a test changes that.
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
		if _, there := m.docs[d.Record.ID]; there {
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

// verdicts is a Limiter that a test scripts.
type limiterFunc func([]limiter.Request) ([]limiter.Verdict, error)

func (f limiterFunc) Judge(_ context.Context, r []limiter.Request) ([]limiter.Verdict, error) {
	return f(r)
}

// decode takes "bad…" as malformed, "invalid…" as invalid, panics at "panic…",
// and takes anything else as a record of that name.
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

// rig runs a consumer and keeps its log.
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
		BatchSize: 10, Concurrency: 4, ShutdownTimeout: soon, LogRaw: true,
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

// wait returns Run's error.
func (r *rig) wait() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(soon):
		r.t.Fatal("Run does not return")
		return nil
	}
}

func (r *rig) runAll(s *fakeQueue) map[record.Outcome]int {
	r.t.Helper()
	r.opts.MaxMessages = int64(len(s.waiting))
	r.start(s)
	if err := r.wait(); err != nil {
		r.t.Fatal(err)
	}
	return s.outcomes()
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
