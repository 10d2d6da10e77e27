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

// delayingQueue delays what is nacked until redeliver is called.
type delayingQueue struct {
	*fakeQueue
	delayed []streams.Delivery
}

func (q *delayingQueue) NackWithDelay(_ context.Context, held []streams.Delivery) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range held {
		delete(q.held, d.ID)
	}
	q.delayed = append(q.delayed, held...)
	return nil
}

func (q *delayingQueue) redeliver() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting, q.delayed = append(q.delayed, q.waiting...), nil
}

func (q *delayingQueue) delayedCount() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.delayed)
}

// unusableWindows is a limiter that can't judge customers with an x in their ID while it
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

// The records of the customer are postponed, the rest of the batch goes on.
func TestAnUnusableWindow(t *testing.T) {
	r := newRig(t)
	var broken atomic.Bool
	broken.Store(true)
	r.opts.Limiter, r.opts.MaxMessages = unusableWindows(&broken), 4
	q := &delayingQueue{fakeQueue: newQueue("a", "x", "b", "bad")}
	r.start(q)
	env.Eventually(t, soon, func() (bool, string) {
		settled := q.outcomes()
		return len(settled) == 2 && q.delayedCount() == 1, fmt.Sprintf("outcomes %v, %d delayed", settled, q.delayedCount())
	})
	wantOutcomes(t, q.outcomes(), map[record.Outcome]int{record.Ingested: 2, record.Malformed: 1})
	if logged := r.out.events("warning"); len(logged) != 1 || logged[0]["customerId"] != "c-x" || logged[0]["level"] != "ERROR" ||
		!strings.Contains(fmt.Sprint(logged[0]["reason"]), `"k:c-x"`) {
		t.Errorf("logged %v, want one line with the customer and the key", logged)
	}
	broken.Store(false)
	q.redeliver()
	r.waitOK()
	wantOutcomes(t, q.outcomes(), map[record.Outcome]int{record.Ingested: 3, record.Malformed: 1})
	if logged := r.out.events("retrying"); len(logged) != 1 || logged[0]["customerId"] != "c-x" || logged[0]["status"] != "success" {
		t.Errorf("logged %v, want the recovery", logged)
	}
}

// The queue can't delay deliveries. It has those of the customer after the shutdown.
func TestAnUnusableWindowInAList(t *testing.T) {
	r := newRig(t)
	var broken atomic.Bool
	broken.Store(true)
	r.opts.Limiter = unusableWindows(&broken)
	q := newQueue("a", "x", "b", "x2")
	r.start(q)
	env.Eventually(t, soon, func() (bool, string) {
		settled := q.outcomes()
		return settled[record.Ingested] == 2, fmt.Sprintf("outcomes %v", settled)
	})
	r.stop()
	r.waitOK()
	if len(q.waiting) != 2 || q.waiting[0].ID != "2-0" || q.waiting[1].ID != "4-0" || len(q.held) != 0 {
		t.Errorf("after the shutdown %v wait and %v are held", q.waiting, q.held)
	}
	broken.Store(false)
	again := newRig(t)
	again.opts.Limiter = unusableWindows(&broken)
	again.runAll(q)
	wantOutcomes(t, q.outcomes(), map[record.Outcome]int{record.Ingested: 4})
}

// requeueingQueue puts postponed deliveries behind all others.
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

// doubtingInsert refuses records with an x: for an unknown reason until it is known.
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

// A postponed record must not delay others, not even with one batch in flight and batches of one.
func TestARecordThatTheStorePostpones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
		r.waitOK()
		wantOutcomes(t, q.outcomes(), map[record.Outcome]int{record.Ingested: 3, record.Rejected: 1})
	})
}

// failingRequeueQueue fails to requeue until a certain time.
type failingRequeueQueue struct {
	*requeueingQueue
	until    time.Time
	attempts atomic.Int64
}

func (q *failingRequeueQueue) Requeue(ctx context.Context, held []streams.Delivery) error {
	q.attempts.Add(1)
	if time.Now().Before(q.until) {
		return errors.New("connection refused")
	}
	return q.requeueingQueue.Requeue(ctx, held)
}

// Only this process has the record of a list. It retries however long Redis is down.
func TestAPostponedRecordSurvivesAnOutageOfRedis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var known atomic.Bool
		r.store.insert = doubtingInsert(&known)
		r.opts.Concurrency, r.opts.BatchSize, r.opts.MaxMessages = 1, 1, 2
		q := &failingRequeueQueue{requeueingQueue: &requeueingQueue{fakeQueue: newQueue("x", "a")}, until: time.Now().Add(time.Minute)}
		r.start(q)
		time.Sleep(2 * time.Minute) // of the bubble's clock
		known.Store(true)
		r.waitOK()
		wantOutcomes(t, q.outcomes(), map[record.Outcome]int{record.Ingested: 1, record.Rejected: 1})
		if q.attempts.Load() < 10 {
			t.Errorf("requeued after %d attempts, want at least 10", q.attempts.Load())
		}
	})
}
