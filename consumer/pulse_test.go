package consumer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ingestion/consumer"
	"ingestion/store"
	"ingestion/streams"
)

// hangingQueue is a queue with methods that never return, until the end of the test.
type hangingQueue struct {
	*fakeQueue
	over                    chan struct{}
	receive, extend, insert bool // which ones; insert is a method of the store
}

func (q *hangingQueue) Receive(ctx context.Context, most int) ([]streams.Delivery, error) {
	if q.receive && q.size() == 0 {
		<-q.over
		return nil, nil
	}
	timer := time.NewTimer(5 * time.Second) // the poll timeout
	defer timer.Stop()
	if q.size() == 0 {
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return q.fakeQueue.Receive(ctx, most)
}

func (q *hangingQueue) Extend(ctx context.Context, held []streams.Delivery) ([]string, error) {
	if q.extend {
		<-q.over
	}
	return q.fakeQueue.Extend(ctx, held)
}

// pulseRig runs a consumer in a bubble, in which time passes at once.
func pulseRig(t *testing.T, q *hangingQueue, test func(r *rig, pulse *consumer.Pulse)) {
	synctest.Test(t, func(t *testing.T) {
		q.over = make(chan struct{})
		r, pulse := newRig(t), &consumer.Pulse{}
		r.opts.Pulse, r.opts.Gate = pulse, consumer.NewGate()
		r.opts.Lease, r.opts.ReceiveTimeout, r.opts.ShutdownTimeout = 30*time.Second, time.Minute, 0
		r.opts.BatchSize, r.opts.Concurrency = 1, 2
		if q.insert {
			r.store.insert = func(_ context.Context, docs []store.Document) ([]store.Result, error) {
				<-q.over
				return ingested(docs), nil
			}
		}
		r.start(q)
		test(r, pulse)
		r.stop()
		close(q.over)
		r.waitOK()
		if hangs := pulse.Hangs(); len(hangs) > 0 {
			t.Errorf("after the end: %+v", hangs)
		}
	})
}

// wantHang waits for a time and wants the loop to hang, or none if it is empty.
func wantHang(t *testing.T, pulse *consumer.Pulse, after time.Duration, loop, doing string) {
	t.Helper()
	time.Sleep(after)
	synctest.Wait()
	hangs := pulse.Hangs()
	switch {
	case loop == "" && len(hangs) > 0:
		t.Errorf("%+v, want no loop to hang", hangs)
	case loop != "" && (len(hangs) != 1 || hangs[0].Loop != loop || !strings.Contains(hangs[0].Doing, doing)):
		t.Errorf("%+v, want the %s to hang while %s", hangs, loop, doing)
	}
}

func TestAConsumerThatWaitsForRecordsDoesNotHang(t *testing.T) {
	pulseRig(t, &hangingQueue{fakeQueue: newQueue()}, func(r *rig, pulse *consumer.Pulse) {
		for range 100 {
			wantHang(t, pulse, time.Minute, "", "")
		}
	})
}

func TestAReceiveThatDoesNotReturnHangs(t *testing.T) {
	pulseRig(t, &hangingQueue{fakeQueue: newQueue(), receive: true}, func(r *rig, pulse *consumer.Pulse) {
		wantHang(t, pulse, 59*time.Second, "", "")
		began := time.Now().Add(-59 * time.Second)
		wantHang(t, pulse, 2*time.Second, "reader", "receiving")
		if since := pulse.Hangs()[0].Since; !since.Equal(began) {
			t.Errorf("since %v, want %v", since, began)
		}
	})
}

func TestAnExtendThatDoesNotReturnHangs(t *testing.T) {
	pulseRig(t, &hangingQueue{fakeQueue: newQueue(), extend: true}, func(r *rig, pulse *consumer.Pulse) {
		wantHang(t, pulse, 29*time.Second, "", "") // the first one is called after 10 s
		wantHang(t, pulse, 2*time.Second, "heartbeat", "renewing leases")
	})
}

// All batches wait for MongoDB, and so does the reader: for a batch, then at the gate.
func TestAConsumerThatWaitsForAServerDoesNotHang(t *testing.T) {
	down := consumer.Cause{Kind: consumer.MongoDown}
	q := &hangingQueue{fakeQueue: newQueue("a", "b", "c", "d"), insert: true}
	pulseRig(t, q, func(r *rig, pulse *consumer.Pulse) {
		wantHang(t, pulse, time.Minute, "", "")
		r.opts.Gate.Shut(down, "MongoDB does not answer")
		for range 100 {
			wantHang(t, pulse, time.Minute, "", "")
		}
		r.opts.Gate.Open(down)
		wantHang(t, pulse, 0, "", "")
	})
}

func TestRetriesOnRedisAreProgress(t *testing.T) {
	q := &hangingQueue{fakeQueue: newQueue("a", "b", "c", "d")}
	q.settle = func([]streams.Settlement) (streams.Settled, error) {
		return streams.Settled{}, errors.New("LOADING")
	}
	pulseRig(t, q, func(r *rig, pulse *consumer.Pulse) {
		for range 100 {
			wantHang(t, pulse, time.Minute, "", "")
		}
		q.mu.Lock()
		q.settle = nil
		q.mu.Unlock()
		wantHang(t, pulse, time.Minute, "", "")
	})
}

// The store ignores even the end of its context.
func TestAReaderHangsIfAllBatchesDo(t *testing.T) {
	q := &hangingQueue{fakeQueue: newQueue("a", "b", "c", "d"), insert: true}
	pulseRig(t, q, func(r *rig, pulse *consumer.Pulse) {
		wantHang(t, pulse, 7*time.Minute, "", "")
		wantHang(t, pulse, 2*time.Minute, "reader", "waiting for a batch")
	})
}
