package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ingestion/consumer"
	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// TestOptionsThatCannotWork wants an error, at once and of all of them, instead of
// a Run that hangs or returns with nothing done.
func TestOptionsThatCannotWork(t *testing.T) {
	whole := newRig(t).opts
	if _, err := consumer.New(whole); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*consumer.Options){
		"Decode":      func(o *consumer.Options) { o.Decode = nil },
		"Store":       func(o *consumer.Options) { o.Store = nil },
		"Log":         func(o *consumer.Options) { o.Log = nil },
		"BatchSize":   func(o *consumer.Options) { o.BatchSize = 0 },
		"Concurrency": func(o *consumer.Options) { o.Concurrency = 0 },
		"MaxMessages": func(o *consumer.Options) { o.MaxMessages = -1 },
	} {
		opts := whole
		spoil(&opts)
		if _, err := consumer.New(opts); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: error %v", what, err)
		}
	}
}

func TestEveryDeliveryEndsInOneOutcome(t *testing.T) {
	r := newRig(t)
	s := newQueue("a", "b", "a", "bad", "invalid", "c")
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

// TestAnEntryThatIsNotOneBodyIsRefused has entries with no body and with two, of
// which neither may be taken for the record.
func TestAnEntryThatIsNotOneBodyIsRefused(t *testing.T) {
	for reason, fields := range map[string][]string{
		`has no field "data"`:          {"Data", "{}"},
		`has the field "data" 2 times`: {"data", "{}", "x", "y", "data", "{}"},
		`has the field "data" 3 times`: {"data", "a", "data", "b", "data", "c"},
	} {
		r := newRig(t)
		s := newQueue("")
		s.waiting[0].Body, s.waiting[0].Fields = nil, fields
		wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Malformed: 1})
		d := streams.Delivery{Fields: fields}
		if !strings.Contains(d.Fault(), reason) {
			t.Errorf("%q: the reason is %q", fields, d.Fault())
		}
	}
}

func TestMaxMessagesIsExact(t *testing.T) {
	r := newRig(t)
	r.opts.MaxMessages = 37
	q := newQueue(numbered(90)...)
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
	s := newQueue(numbered(100)...)
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
	s := newQueue("a", "b", "bad")
	r.start(s)
	<-inserting
	r.stop()
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, s.outcomes(), map[record.Outcome]int{record.Ingested: 1, record.Malformed: 1})
	if !slices.Equal(s.nacked, []string{"2-0"}) {
		t.Errorf("nacked back %v, want the one without an outcome", s.nacked)
	}
}

func TestAnErrorThatWaitingDoesNotMendEndsTheRun(t *testing.T) {
	r := newRig(t)
	wrong := errors.New("MongoDB: no such write concern")
	r.store.insert = func(_ context.Context, docs []store.Document) ([]store.Result, error) {
		return make([]store.Result, len(docs)), wrong
	}
	s := newQueue("a", "bad", "b")
	r.start(s)
	if err := r.wait(); !errors.Is(err, wrong) {
		t.Errorf("Run: %v", err)
	}
	wantOutcomes(t, s.outcomes(), map[record.Outcome]int{record.Malformed: 1})
	if !slices.Equal(s.nacked, []string{"1-0", "3-0"}) {
		t.Errorf("nacked back %v", s.nacked)
	}
}
