package consumer_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

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
	s := newQueue("a", "b")
	wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Ingested: 2})
	if len(s.nacked) != 2 || s.extended == 0 {
		t.Errorf("nacked back %v after %d heartbeats", s.nacked, s.extended)
	}
}

// failingExtendQueue is a queue that can't renew leases for a while.
type failingExtendQueue struct {
	*fakeQueue
	fails atomic.Int64
}

func (u *failingExtendQueue) Extend(ctx context.Context, held []streams.Delivery) ([]string, error) {
	if u.fails.Add(-1) >= 0 {
		return nil, errors.New("BUSY")
	}
	return u.fakeQueue.Extend(ctx, held)
}

func TestLeasesThatRanOutAreSaidToBeRenewed(t *testing.T) {
	r := newRig(t)
	r.opts.Lease, r.opts.MaxMessages = 60*time.Millisecond, 1
	q := &failingExtendQueue{fakeQueue: newQueue("a")}
	q.fails.Store(5)
	r.store.insert = func(ctx context.Context, docs []store.Document) ([]store.Result, error) {
		for ctx.Err() == nil && len(r.out.events("retrying")) < 2 {
			pause(ctx)
		}
		return []store.Result{{Outcome: record.Ingested}}, ctx.Err()
	}
	r.start(q)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	told := r.out.events("retrying")
	if len(told) != 2 || told[0]["status"] != "error" || told[1]["status"] != "success" {
		t.Errorf("told %v, want the trouble and its end", told)
	}
}
