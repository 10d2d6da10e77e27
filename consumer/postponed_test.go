package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ingestion/internal/test/env"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// delayingQueue is a fakeQueue that keeps deliveries back by itself until they are let
// go.
type delayingQueue struct {
	*fakeQueue
	delayed []streams.Delivery
}

func (p *delayingQueue) NackWithDelay(_ context.Context, held []streams.Delivery) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range held {
		delete(p.held, d.ID)
	}
	p.delayed = append(p.delayed, held...)
	return nil
}

func (p *delayingQueue) redeliver() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting, p.delayed = append(p.delayed, p.waiting...), nil
}

func (p *delayingQueue) delayedCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.delayed)
}

// barring is a limiter that can't judge customers whose name has an x while it
// is broken.
func unusableWindows(broken *atomic.Bool) limiterFunc {
	return func(requests []limiter.Request) ([]limiter.Verdict, error) {
		answers := make([]limiter.Verdict, len(requests))
		var err error
		for i, r := range requests {
			if broken.Load() && strings.Contains(r.CustomerID, "x") {
				err = &limiter.KeyError{CustomerID: r.CustomerID, Key: "k:" + r.CustomerID}
				continue
			}
			answers[i] = limiter.Verdict{Decision: limiter.Admitted}
		}
		return answers, err
	}
}

// TestWindowThatCannotBeUsed wants the records of one customer to wait, and the
// others in the batch to go on.
func TestWindowThatCannotBeUsed(t *testing.T) {
	r := newRig(t)
	var broken atomic.Bool
	broken.Store(true)
	r.opts.Limiter, r.opts.MaxMessages = unusableWindows(&broken), 4
	s := &delayingQueue{fakeQueue: newQueue("a", "x", "b", "bad")}
	r.start(s)
	env.Eventually(t, soon, func() (bool, string) {
		settled := s.outcomes()
		return len(settled) == 2 && s.delayedCount() == 1, fmt.Sprintf("outcomes %v, %d kept back", settled, s.delayedCount())
	})
	wantOutcomes(t, s.outcomes(), map[record.Outcome]int{record.Ingested: 2, record.Malformed: 1})
	if told := r.out.events("warning"); len(told) != 1 || told[0]["customerId"] != "c-x" || told[0]["level"] != "ERROR" ||
		!strings.Contains(fmt.Sprint(told[0]["reason"]), `"k:c-x"`) {
		t.Errorf("complaints %v, want one that names the customer and the key", told)
	}
	broken.Store(false)
	s.redeliver()
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, s.outcomes(), map[record.Outcome]int{record.Ingested: 3, record.Malformed: 1})
	if told := r.out.events("retrying"); len(told) != 1 || told[0]["customerId"] != "c-x" || told[0]["status"] != "success" {
		t.Errorf("lines %v, want one that says that it is over", told)
	}
}

// TestWindowThatCannotBeUsedOfAList has a queue that can't keep anything back: it
// gets back what waits, and has it still after a shutdown.
func TestWindowThatCannotBeUsedOfAList(t *testing.T) {
	r := newRig(t)
	var broken atomic.Bool
	broken.Store(true)
	r.opts.Limiter = unusableWindows(&broken)
	s := newQueue("a", "x", "b", "x2")
	r.start(s)
	env.Eventually(t, soon, func() (bool, string) {
		settled := s.outcomes()
		return settled[record.Ingested] == 2, fmt.Sprintf("outcomes %v", settled)
	})
	r.stop()
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	if len(s.waiting) != 2 || s.waiting[0].ID != "2-0" || s.waiting[1].ID != "4-0" || len(s.held) != 0 {
		t.Errorf("waiting after the shutdown: %v, held: %v", s.waiting, s.held)
	}
	broken.Store(false)
	again := newRig(t)
	again.opts.Limiter = unusableWindows(&broken)
	again.runAll(s)
	wantOutcomes(t, s.outcomes(), map[record.Outcome]int{record.Ingested: 4})
}

// requeueingQueue is a fakeQueue that puts at its end what can't be decided about.
type requeueingQueue struct {
	*fakeQueue
	rounds atomic.Int64
}

func (q *requeueingQueue) Requeue(_ context.Context, held []streams.Delivery) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range held {
		delete(q.held, d.ID)
	}
	q.waiting = append(q.waiting, held...)
	q.rounds.Add(1)
	return nil
}

// doubting is a store that refuses records with an x for a reason unknown until it
// knows better.
func doubtingInsert(known *atomic.Bool) func(context.Context, []store.Document) ([]store.Result, error) {
	return func(_ context.Context, docs []store.Document) ([]store.Result, error) {
		results := make([]store.Result, len(docs))
		for i, d := range docs {
			switch {
			case !strings.Contains(d.Record.ID, "x"):
				results[i].Outcome = record.Ingested
			case known.Load():
				results[i] = store.Result{Outcome: record.Rejected, Keep: true}
			default:
				results[i].Postponed = true
			}
		}
		return results, nil
	}
}

// TestPostponedByTheStore wants a record about which the store is in doubt to hold
// up neither its batch nor, with a single slot and a batch of one, the others.
func TestPostponedByTheStore(t *testing.T) {
	r := newRig(t)
	var known atomic.Bool
	r.store.insert = doubtingInsert(&known)
	r.opts.Concurrency, r.opts.BatchSize, r.opts.MaxMessages = 1, 1, 4
	q := &requeueingQueue{fakeQueue: newQueue("x", "a", "b", "c")}
	r.start(q)
	env.Eventually(t, soon, func() (bool, string) {
		settled := q.outcomes()
		return settled[record.Ingested] == 3 && q.rounds.Load() >= 1, fmt.Sprintf("outcomes %v after %d rounds", settled, q.rounds.Load())
	})
	known.Store(true)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, q.outcomes(), map[record.Outcome]int{record.Ingested: 3, record.Rejected: 1})
}

// failingRequeueQueue is a queue that for a while can't be told to take anything back.
type failingRequeueQueue struct {
	*requeueingQueue
	until time.Time
	tries atomic.Int64
}

func (q *failingRequeueQueue) Requeue(ctx context.Context, held []streams.Delivery) error {
	q.tries.Add(1)
	if time.Now().Before(q.until) {
		return errors.New("connection refused")
	}
	return q.requeueingQueue.Requeue(ctx, held)
}

// TestPostponedWhileRedisIsAway: a record of a list is in this process only. It
// waits for Redis, however long that takes.
func TestPostponedWhileRedisIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var known atomic.Bool
		r.store.insert = doubtingInsert(&known)
		r.opts.Concurrency, r.opts.BatchSize, r.opts.MaxMessages = 1, 1, 2
		q := &failingRequeueQueue{requeueingQueue: &requeueingQueue{fakeQueue: newQueue("x", "a")}, until: time.Now().Add(time.Minute)}
		r.start(q)
		time.Sleep(2 * time.Minute) // of the bubble's clock
		known.Store(true)
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		wantOutcomes(t, q.outcomes(), map[record.Outcome]int{record.Ingested: 1, record.Rejected: 1})
		if q.tries.Load() < 10 {
			t.Errorf("it was put back after %d tries", q.tries.Load())
		}
	})
}
