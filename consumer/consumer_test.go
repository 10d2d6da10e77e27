package consumer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ingestion/consumer"
	"ingestion/internal/test/env"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const soon = 10 * time.Second

// shelf is a Queue in memory that lets a test break it.
type shelf struct {
	mu        sync.Mutex
	waiting   []streams.Delivery
	held      map[string]bool
	settled   map[string]record.Outcome
	handed    []string
	closed    bool
	extended  int
	largest   int // deliveries held at once
	receives  int
	receive   func() error // nil or an error instead of deliveries
	settle    func([]streams.Settlement) (streams.Settled, error)
	delivered int
}

func newShelf(bodies ...string) *shelf {
	s := &shelf{held: map[string]bool{}, settled: map[string]record.Outcome{}}
	for i, b := range bodies {
		s.waiting = append(s.waiting, streams.Delivery{ID: fmt.Sprintf("%d-0", i+1), Body: []byte(b), Deliveries: 1, ArrivedAt: int64(i + 1)})
	}
	return s
}

func (s *shelf) Receive(ctx context.Context, most int) ([]streams.Delivery, error) {
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

func (s *shelf) Settle(_ context.Context, list []streams.Settlement) (streams.Settled, error) {
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

func (s *shelf) Extend(context.Context, []streams.Delivery) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.extended++
	return nil, nil
}

func (s *shelf) Nack(_ context.Context, held []streams.Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range held {
		delete(s.held, d.ID)
		s.handed = append(s.handed, d.ID)
	}
	s.waiting = append(slices.Clone(held), s.waiting...)
	return nil
}

func (s *shelf) BeginAttempt(_ context.Context, d streams.Delivery) (streams.Delivery, bool, error) {
	return d, true, nil
}

func (s *shelf) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *shelf) outcomes() map[record.Outcome]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[record.Outcome]int{}
	for _, o := range s.settled {
		counts[o]++
	}
	return counts
}

// memory is a Store that ingests everything, unless a test changes that.
type memory struct {
	mu     sync.Mutex
	docs   map[string]store.Document
	insert func(ctx context.Context, docs []store.Document) ([]store.Result, error)
	owned  func(store.Document) bool

	lookups int // calls of Owned
}

func (m *memory) Insert(ctx context.Context, docs []store.Document) ([]store.Result, error) {
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

func (m *memory) Owned(_ context.Context, docs []store.Document) ([]bool, error) {
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
type verdicts func([]limiter.Request) ([]limiter.Verdict, error)

func (v verdicts) Judge(_ context.Context, r []limiter.Request) ([]limiter.Verdict, error) {
	return v(r)
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
	store *memory
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
	r := &rig{t: t, store: &memory{docs: map[string]store.Document{}}, out: &lines{}, done: make(chan error, 1)}
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

func (r *rig) runAll(s *shelf) map[record.Outcome]int {
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

func TestEveryDeliveryEndsInOneOutcome(t *testing.T) {
	r := newRig(t)
	s := newShelf("a", "b", "a", "bad", "invalid", "c")
	wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Ingested: 3, record.Duplicate: 1, record.Malformed: 1, record.Invalid: 1})
	if !s.closed {
		t.Error("the queue was not closed")
	}
	for event, n := range map[string]int{"ingested": 3, "duplicate": 1, "parse_error": 1, "validation_failed": 1} {
		if got := len(r.out.events(event)); got != n {
			t.Errorf("%d lines of %s, want %d", got, event, n)
		}
	}
	if line := r.out.events("parse_error")[0]; line["raw"] != "bad" || line["reason"] != "Invalid JSON: bad" || line["streamId"] != "4-0" || line["level"] != "ERROR" || line["status"] != "error" {
		t.Errorf("line %v", line)
	}
	if line := r.out.events("validation_failed")[0]; line["raw"] != nil || line["customerId"] != "c" {
		t.Errorf("line %v", line)
	}
}

func TestMaxMessagesIsExact(t *testing.T) {
	r := newRig(t)
	r.opts.MaxMessages = 37
	q := newShelf(numbered(90)...)
	r.start(q)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	if settled := len(q.settled); settled != 37 || q.delivered != settled {
		t.Errorf("%d settled of %d delivered, want 37", settled, q.delivered)
	}
}

func TestNoMoreIsHeldThanThereIsRoomFor(t *testing.T) {
	r := newRig(t)
	r.opts.BatchSize, r.opts.Concurrency = 5, 3
	release := make(chan struct{})
	r.store.insert = func(_ context.Context, docs []store.Document) ([]store.Result, error) {
		<-release
		results := make([]store.Result, len(docs))
		for i := range results {
			results[i].Outcome = record.Ingested
		}
		return results, nil
	}
	s := newShelf(numbered(100)...)
	r.start(s)
	env.Eventually(t, soon, func() (bool, string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.held) == 15, fmt.Sprintf("%d held, want three batches of five", len(s.held))
	})
	close(release)
	env.Eventually(t, soon, func() (bool, string) {
		return len(s.outcomes()) > 0 && s.outcomes()[record.Ingested] == 100, "not all settled"
	})
	r.stop()
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	if s.largest > 15 {
		t.Errorf("%d were held at once", s.largest)
	}
}

func TestARecordThatPanicsIsPoisonedAlone(t *testing.T) {
	r := newRig(t)
	s := newShelf("a", "b", "panic", "c", "bad", "panic 2")
	wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Ingested: 3, record.Malformed: 1, record.Poisoned: 2})
	if s.settled["3-0"] != record.Poisoned || s.settled["6-0"] != record.Poisoned {
		t.Errorf("settled %v", s.settled)
	}
}

func TestWhatIsUnfinishedAtShutdownIsHandedBack(t *testing.T) {
	r := newRig(t)
	r.opts.ShutdownTimeout = 50 * time.Millisecond
	r.opts.BatchSize = 3
	inserting := make(chan struct{}, 10)
	r.store.insert = func(ctx context.Context, docs []store.Document) ([]store.Result, error) {
		inserting <- struct{}{}
		<-ctx.Done() // MongoDB is away, but for the first document
		results := make([]store.Result, len(docs))
		results[0].Outcome = record.Ingested
		return results, ctx.Err()
	}
	s := newShelf("a", "b", "bad")
	r.start(s)
	<-inserting
	r.stop()
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, s.outcomes(), map[record.Outcome]int{record.Ingested: 1, record.Malformed: 1})
	if !slices.Equal(s.handed, []string{"2-0"}) {
		t.Errorf("handed back %v, want the one without an outcome", s.handed)
	}
}

func TestABatchWithoutProgressIsHandedBack(t *testing.T) {
	r := newRig(t)
	r.opts.Lease = 6 * time.Millisecond
	stuck := true
	var mu sync.Mutex
	r.store.insert = func(ctx context.Context, docs []store.Document) ([]store.Result, error) {
		mu.Lock()
		wasStuck := stuck
		stuck = false
		mu.Unlock()
		results := make([]store.Result, len(docs))
		if wasStuck {
			<-ctx.Done()
			return results, ctx.Err()
		}
		for i := range results {
			results[i].Outcome = record.Ingested
		}
		return results, nil
	}
	s := newShelf("a", "b")
	wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Ingested: 2})
	if len(s.handed) != 2 || s.extended == 0 {
		t.Errorf("handed back %v after %d heartbeats", s.handed, s.extended)
	}
}

func TestErrorsOfTheQueueAreWaitedOut(t *testing.T) {
	r := newRig(t)
	s := newShelf("a", "b")
	fails := 3
	s.receive = func() error {
		if fails--; fails >= 0 {
			return errors.New("connection refused")
		}
		return nil
	}
	settleFails := 2
	s.settle = func([]streams.Settlement) (streams.Settled, error) {
		if settleFails--; settleFails >= 0 {
			return streams.Settled{}, errors.New("reply lost")
		}
		return streams.Settled{}, nil
	}
	wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Ingested: 2})
	var said []string
	for _, line := range r.out.events("retrying") {
		said = append(said, fmt.Sprint(line["reason"]))
	}
	if all := strings.Join(said, "\n"); !strings.Contains(all, "connection refused") || !strings.Contains(all, "reply lost") || !strings.Contains(all, "answers again") {
		t.Errorf("said %q", said)
	}
}

func TestWhatCanNotBeWrittenIsTriedAgain(t *testing.T) {
	r := newRig(t)
	s := newShelf("bad", "a")
	full := 2
	s.settle = func(list []streams.Settlement) (streams.Settled, error) {
		if full--; full < 0 {
			return streams.Settled{}, nil
		}
		done := streams.Settled{Cause: errors.New("OOM command not allowed")}
		for _, x := range list {
			if x.Outcome == record.Malformed {
				done.Kept = append(done.Kept, x.ID)
				continue
			}
			s.settled[x.ID] = x.Outcome
			done.Count++
		}
		return done, nil
	}
	wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Ingested: 1, record.Malformed: 1})
	if n := len(r.out.events("parse_error")); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

func TestTheGateHoldsReadersBack(t *testing.T) {
	r := newRig(t)
	r.opts.Gate = consumer.NewGate()
	r.opts.Gate.Shut("MongoDB", "MongoDB is away")
	s := newShelf("a")
	r.opts.MaxMessages = 1
	r.start(s)
	if r.opts.Gate.Reason() != "MongoDB is away" {
		t.Error("no reason")
	}
	select {
	case <-r.done:
		t.Fatal("it worked through a shut gate")
	case <-time.After(20 * time.Millisecond):
	}
	s.mu.Lock()
	received := s.receives
	s.mu.Unlock()
	if received > 0 {
		t.Error("it read through a shut gate")
	}
	r.opts.Gate.Open("MongoDB")
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
}

func TestVerdictsOfTheLimiter(t *testing.T) {
	r := newRig(t)
	now := time.UnixMilli(5000)
	r.opts.RedisTime = func(context.Context) (time.Time, error) { return now, nil }
	limit := limiter.Limit{Records: 5, Window: time.Minute}
	calls := 0
	r.opts.Limiter = verdicts(func(requests []limiter.Request) ([]limiter.Verdict, error) {
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
	s := newShelf("ok", "over", "again", "later", "passed", "bad")
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

func TestAnErrorThatWaitingDoesNotMendEndsTheRun(t *testing.T) {
	r := newRig(t)
	wrong := errors.New("MongoDB: no such write concern")
	r.store.insert = func(_ context.Context, docs []store.Document) ([]store.Result, error) {
		return make([]store.Result, len(docs)), wrong
	}
	s := newShelf("a", "bad", "b")
	r.start(s)
	if err := r.wait(); !errors.Is(err, wrong) {
		t.Errorf("Run: %v", err)
	}
	wantOutcomes(t, s.outcomes(), map[record.Outcome]int{record.Malformed: 1})
	if !slices.Equal(s.handed, []string{"1-0", "3-0"}) {
		t.Errorf("handed back %v", s.handed)
	}
}

func TestTheProcessingClockLeavesTheTimeToRedis(t *testing.T) {
	r := newRig(t)
	r.opts.ProcessingClock = true
	var at []int64
	r.opts.Limiter = verdicts(func(requests []limiter.Request) ([]limiter.Verdict, error) {
		out := make([]limiter.Verdict, len(requests))
		for i, q := range requests {
			at = append(at, q.At)
			out[i].Decision = limiter.Admitted
		}
		return out, nil
	})
	s := newShelf("a", "b")
	s.waiting[1].AdmitAt = 77
	r.runAll(s)
	if !slices.Equal(at, []int64{0, 77}) {
		t.Errorf("judged at %v, want Redis' clock and the reserved place", at)
	}
}
