package consumer_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

func TestAStuckBatchIsNacked(t *testing.T) {
	r := newRig(t)
	r.opts.Lease = 6 * time.Millisecond
	var stuck atomic.Bool
	stuck.Store(true)
	r.store.insert = func(ctx context.Context, docs []store.Document) ([]store.Result, error) {
		if stuck.CompareAndSwap(true, false) {
			<-ctx.Done()
			return make([]store.Result, len(docs)), ctx.Err()
		}
		return ingested(docs), nil
	}
	q := newQueue("a", "b")
	wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Ingested: 2})
	if len(q.nacked) != 2 || q.extended == 0 {
		t.Errorf("nacked %v after %d heartbeats", q.nacked, q.extended)
	}
}

// failingExtendQueue fails to renew leases a number of times.
type failingExtendQueue struct {
	*fakeQueue
	fails atomic.Int64
}

func (q *failingExtendQueue) Extend(ctx context.Context, held []streams.Delivery) ([]string, error) {
	if q.fails.Add(-1) >= 0 {
		return nil, errors.New("BUSY")
	}
	return q.fakeQueue.Extend(ctx, held)
}

func TestExpiredLeasesAndTheirRenewalAreLogged(t *testing.T) {
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
	r.waitOK()
	logged := r.out.events("retrying")
	if len(logged) != 2 || logged[0]["status"] != "error" || logged[1]["status"] != "success" {
		t.Errorf("logged %v, want the failure and the recovery", logged)
	}
}
