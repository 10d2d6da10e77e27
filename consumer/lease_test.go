package consumer_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

func TestAStuckBatchIsNacked(t *testing.T) {
	r := newRig(t)
	r.opts.Lease = 30 * time.Millisecond
	stuck := r.blockFirstInsert()
	q := newQueue("a", "b")
	wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Ingested: 2})
	if len(q.nacked) != 2 || q.extended == 0 {
		t.Errorf("nacked %v after %d heartbeats", q.nacked, q.extended)
	}
	if err := <-stuck; !strings.Contains(err.Error(), "no progress") {
		t.Errorf("the insert was interrupted because of %v", err)
	}
}

// blockFirstInsert makes the first insert wait until its context ends, and sends why it did.
func (r *rig) blockFirstInsert() <-chan error {
	ended := make(chan error, 1)
	var once sync.Once
	r.store.insert = func(ctx context.Context, docs []store.Document) ([]store.Result, error) {
		results, err := ingested(docs), error(nil)
		once.Do(func() {
			<-ctx.Done()
			results, err = make([]store.Result, len(docs)), ctx.Err()
			ended <- context.Cause(ctx)
		})
		return results, err
	}
	return ended
}

// Once the lease has expired another worker may refuse a record because it is not stored
// yet. It must not be stored after that.
func TestNothingIsInsertedAfterTheLeaseHasExpired(t *testing.T) {
	r := newRig(t)
	r.opts.Lease = 30 * time.Millisecond
	ended := r.blockFirstInsert()
	q := &failingExtendQueue{fakeQueue: newQueue("a", "b")}
	q.fails.Store(math.MaxInt64)
	wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Ingested: 2})
	if len(q.nacked) != 2 {
		t.Errorf("nacked %v, want both", q.nacked)
	}
	if err := <-ended; !strings.Contains(err.Error(), "expired") {
		t.Errorf("the insert was interrupted because of %v", err)
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
		for len(r.out.events("retrying")) < 2 {
			pause(t.Context())
		}
		return ingested(docs), nil
	}
	r.start(q)
	r.waitOK()
	logged := r.out.events("retrying")
	if len(logged) != 2 || logged[0]["status"] != "error" || logged[1]["status"] != "success" {
		t.Errorf("logged %v, want the failure and the recovery", logged)
	}
}
