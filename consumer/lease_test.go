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

// unsteady is a queue that can't renew leases for a while.
type unsteady struct {
	*shelf
	fails atomic.Int64
}

func (u *unsteady) Extend(ctx context.Context, held []streams.Delivery) ([]string, error) {
	if u.fails.Add(-1) >= 0 {
		return nil, errors.New("BUSY")
	}
	return u.shelf.Extend(ctx, held)
}

func TestLeasesThatRanOutAreSaidToBeRenewed(t *testing.T) {
	r := newRig(t)
	r.opts.Lease, r.opts.MaxMessages = 60*time.Millisecond, 1
	q := &unsteady{shelf: newShelf("a")}
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
