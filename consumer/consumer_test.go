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

// Options with which Run would hang, or return without doing anything, are an error of New.
func TestNewNamesEachInvalidOption(t *testing.T) {
	valid := newRig(t).opts
	if _, err := consumer.New(valid); err != nil {
		t.Fatal(err)
	}
	for option, spoil := range map[string]func(*consumer.Options){
		"Decode":      func(o *consumer.Options) { o.Decode = nil },
		"Store":       func(o *consumer.Options) { o.Store = nil },
		"Log":         func(o *consumer.Options) { o.Log = nil },
		"BatchSize":   func(o *consumer.Options) { o.BatchSize = 0 },
		"Concurrency": func(o *consumer.Options) { o.Concurrency = 0 },
		"MaxMessages": func(o *consumer.Options) { o.MaxMessages = -1 },
		"Lease":       func(o *consumer.Options) { o.Lease = -1 },
	} {
		opts := valid
		spoil(&opts)
		if _, err := consumer.New(opts); err == nil || !strings.Contains(err.Error(), option) {
			t.Errorf("%s: error %v", option, err)
		}
	}
}

func TestEveryDeliveryHasOneOutcome(t *testing.T) {
	r := newRig(t)
	q := newQueue("a", "b", "a", "bad", "invalid", "c")
	wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Ingested: 3, record.Duplicate: 1, record.Malformed: 1, record.Invalid: 1})
	if !q.closed {
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

// An entry must have exactly one body; none of several may be taken for the record.
func TestAnEntryWithoutExactlyOneBodyIsMalformed(t *testing.T) {
	for reason, fields := range map[string][]string{
		`has no field "data"`:          {"Data", "{}"},
		`has the field "data" 2 times`: {"data", "{}", "x", "y", "data", "{}"},
		`has the field "data" 3 times`: {"data", "a", "data", "b", "data", "c"},
	} {
		r := newRig(t)
		q := newQueue("")
		q.waiting[0].Body, q.waiting[0].Fields = nil, fields
		wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Malformed: 1})
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
	r.waitOK()
	if settled := len(q.settled); settled != 37 || q.delivered != settled {
		t.Errorf("%d settled of %d delivered, want 37", settled, q.delivered)
	}
}

func TestNoMoreIsHeldThanTheSlotsAllow(t *testing.T) {
	r := newRig(t)
	r.opts.BatchSize, r.opts.Concurrency = 5, 3
	release := make(chan struct{})
	r.store.insert = func(_ context.Context, docs []store.Document) ([]store.Result, error) {
		<-release
		return ingested(docs), nil
	}
	q := newQueue(numbered(100)...)
	r.start(q)
	env.Eventually(t, soon, func() (bool, string) {
		q.mu.Lock()
		defer q.mu.Unlock()
		return len(q.held) == 15, fmt.Sprintf("%d held, want three batches of five", len(q.held))
	})
	close(release)
	env.Eventually(t, soon, func() (bool, string) {
		return len(q.outcomes()) > 0 && q.outcomes()[record.Ingested] == 100, "not all are settled"
	})
	r.stop()
	r.waitOK()
	if q.largest > 15 {
		t.Errorf("%d were held at the same time, want at most 15", q.largest)
	}
}

func TestShutdownNacksUnfinishedDeliveries(t *testing.T) {
	r := newRig(t)
	r.opts.ShutdownTimeout = 50 * time.Millisecond
	r.opts.BatchSize = 3
	inserting := make(chan struct{}, 10)
	r.store.insert = func(ctx context.Context, docs []store.Document) ([]store.Result, error) {
		inserting <- struct{}{}
		<-ctx.Done() // MongoDB fails after the first document
		results := make([]store.Result, len(docs))
		results[0].Outcome = record.Ingested
		return results, ctx.Err()
	}
	q := newQueue("a", "b", "bad")
	r.start(q)
	<-inserting
	r.stop()
	r.waitOK()
	wantOutcomes(t, q.outcomes(), map[record.Outcome]int{record.Ingested: 1, record.Malformed: 1})
	if !slices.Equal(q.nacked, []string{"2-0"}) {
		t.Errorf("nacked %v, want the one without an outcome", q.nacked)
	}
}

func TestAPermanentErrorOfTheStoreEndsTheRun(t *testing.T) {
	r := newRig(t)
	permanent := errors.New("MongoDB: no such write concern")
	r.store.insert = func(_ context.Context, docs []store.Document) ([]store.Result, error) {
		return make([]store.Result, len(docs)), permanent
	}
	q := newQueue("a", "bad", "b")
	r.start(q)
	if err := r.wait(); !errors.Is(err, permanent) {
		t.Errorf("Run returned %v, want the error of the store", err)
	}
	wantOutcomes(t, q.outcomes(), map[record.Outcome]int{record.Malformed: 1})
	if !slices.Equal(q.nacked, []string{"1-0", "3-0"}) {
		t.Errorf("nacked %v", q.nacked)
	}
}
