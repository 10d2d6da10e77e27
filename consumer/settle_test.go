package consumer_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"ingestion/record"
	"ingestion/streams"
)

func TestKeptSettlementsAreRetried(t *testing.T) {
	r := newRig(t)
	q := newQueue("bad", "a")
	full := 2
	q.settle = func(list []streams.Settlement) (streams.Settled, error) {
		if full--; full < 0 {
			return streams.Settled{}, nil
		}
		done := streams.Settled{Cause: errors.New("OOM command not allowed")}
		for _, x := range list {
			if x.Outcome == record.Malformed {
				done.Kept = append(done.Kept, x.ID)
				continue
			}
			q.settled[x.ID] = x.Outcome
			done.Count++
		}
		return done, nil
	}
	wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Ingested: 1, record.Malformed: 1})
	if n := len(r.out.events("parse_error")); n != 1 {
		t.Errorf("logged %d times, want once", n)
	}
}

// Without the Nack, the delivery would count as one that killed its worker.
func TestShutdownNacksWhatCanNotBeSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.opts.Lease = time.Minute
		r.opts.ShutdownTimeout = time.Millisecond
		q := newQueue("bad")
		attempts := make(chan struct{}, 100)
		q.settle = func(list []streams.Settlement) (streams.Settled, error) {
			attempts <- struct{}{}
			return streams.Settled{Kept: []string{list[0].ID}, Cause: errors.New("OOM command not allowed")}, nil
		}
		r.start(q)
		<-attempts
		r.stop()
		if err := r.wait(); err == nil {
			t.Error("Run returned no error")
		}
		if !slices.Equal(q.nacked, []string{"1-0"}) {
			t.Errorf("nacked %v", q.nacked)
		}
	})
}

// A reply is lost, then the group. MaxMessages deliveries must be settled after that.
func TestDeliveriesLostWithTheGroupDoNotCountAsSettled(t *testing.T) {
	r := newRig(t)
	r.opts.MaxMessages = 1
	q := newQueue("a")
	calls := 0
	q.settle = func(list []streams.Settlement) (streams.Settled, error) {
		switch calls++; calls {
		case 1:
			return streams.Settled{}, errors.New("connection reset")
		case 2:
			q.waiting = append(q.waiting, *list[0].Delivery) // as if the group was created again
			return streams.Settled{GroupGone: true}, nil
		default:
			return streams.Settled{}, nil
		}
	}
	r.start(q)
	r.waitOK()
	wantOutcomes(t, q.outcomes(), map[record.Outcome]int{record.Duplicate: 1})
}
