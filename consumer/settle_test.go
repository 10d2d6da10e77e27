package consumer_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"ingestion/record"
	"ingestion/streams"
)

func TestWhatCanNotBeWrittenIsTriedAgain(t *testing.T) {
	r := newRig(t)
	s := newQueue("bad", "a")
	full := 2
	s.settle = func(list []streams.Settlement) (streams.Settled, error) {
		if full--; full < 0 {
			return streams.Settled{}, nil
		}
		done := streams.Settled{Cause: errors.New("OOM command not allowed")}
		for _, x := range list {
			if x.Outcome == record.Malformed {
				done.Kept = append(done.Kept, x.ID)
				continue
			}
			s.settled[x.ID] = x.Outcome
			done.Count++
		}
		return done, nil
	}
	wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Ingested: 1, record.Malformed: 1})
	if n := len(r.out.events("parse_error")); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// TestWhatCanNotBeSettledIsHandedBack ends a worker whose refusal can't be
// written: the delivery is nacked back, so that it is no death of its worker.
func TestWhatCanNotBeSettledIsHandedBack(t *testing.T) {
	r := newRig(t)
	r.opts.Lease = time.Minute
	r.opts.ShutdownTimeout = time.Millisecond
	s := newQueue("bad")
	tried := make(chan struct{}, 100)
	s.settle = func(list []streams.Settlement) (streams.Settled, error) {
		tried <- struct{}{}
		return streams.Settled{Kept: []string{list[0].ID}, Cause: errors.New("OOM command not allowed")}, nil
	}
	r.start(s)
	<-tried
	r.stop()
	if err := r.wait(); err == nil {
		t.Error("nothing was said of it")
	}
	if !slices.Equal(s.nacked, []string{"1-0"}) {
		t.Errorf("nacked back %v", s.nacked)
	}
}

// TestWhatVanishedWithItsGroupIsNotCountedAsSettled loses a reply and then the
// group: WORKER_MAX_MESSAGES has still to be settled.
func TestWhatVanishedWithItsGroupIsNotCountedAsSettled(t *testing.T) {
	r := newRig(t)
	r.opts.MaxMessages = 1
	s := newQueue("a")
	calls := 0
	s.settle = func(list []streams.Settlement) (streams.Settled, error) {
		switch calls++; calls {
		case 1:
			return streams.Settled{}, errors.New("connection reset")
		case 2:
			s.waiting = append(s.waiting, *list[0].Delivery) // the group made again
			return streams.Settled{GroupGone: true}, nil
		default:
			return streams.Settled{}, nil
		}
	}
	r.start(s)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, s.outcomes(), map[record.Outcome]int{record.Duplicate: 1})
}
