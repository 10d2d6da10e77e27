package consumer_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ingestion/record"
	"ingestion/streams"
)

// breaking is a queue that for a while can't be told to take anything back.
type breaking struct {
	*requeueing
	until time.Time
	tries atomic.Int64
}

func (q *breaking) Requeue(ctx context.Context, held []streams.Delivery) error {
	q.tries.Add(1)
	if time.Now().Before(q.until) {
		return errors.New("connection refused")
	}
	return q.requeueing.Requeue(ctx, held)
}

// TestPostponedWhileRedisIsAway: a record of a list is in this process only. It
// waits for Redis, however long that takes.
func TestPostponedWhileRedisIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var known atomic.Bool
		r.store.insert = doubting(&known)
		r.opts.Concurrency, r.opts.BatchSize, r.opts.MaxMessages = 1, 1, 2
		q := &breaking{requeueing: &requeueing{shelf: newShelf("x", "a")}, until: time.Now().Add(time.Minute)}
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
