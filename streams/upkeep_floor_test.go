package streams_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
)

// floorNow is the floor that a new worker sees.
func (b *rig) floorNow() int64 {
	b.t.Helper()
	s := b.open("keeper", nil)
	must(b.t, s.Open(b.t.Context()))
	ctx, stop := context.WithCancel(b.t.Context())
	done := make(chan struct{})
	go func() { s.Maintain(ctx); close(done) }()
	env.Eventually(b.t, soon, func() (bool, string) { return s.Floor() > 0, "the floor is not known yet" })
	stop()
	<-done
	return s.Floor()
}

// take receives one entry.
func (b *rig) take(s *streams.Stream) streams.Delivery {
	b.t.Helper()
	got, err := s.Receive(b.t.Context(), 1)
	must(b.t, err)
	if len(got) != 1 {
		b.t.Fatalf("received %d entries", len(got))
	}
	return got[0]
}

func (b *rig) settle(s *streams.Stream, d streams.Delivery, outcome record.Outcome, due time.Time) {
	b.t.Helper()
	done, err := s.Settle(b.t.Context(), []streams.Settlement{{Delivery: &d, Outcome: outcome, Due: due}})
	must(b.t, err)
	if done.Count != 1 {
		b.t.Fatalf("settled %+v", done)
	}
}

// putBack adds an entry, defers it to a time in the past and waits until it is put back.
func (b *rig) putBack(s *streams.Stream, due time.Time) {
	b.t.Helper()
	must(b.t, b.client.XAdd(b.t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", "{}"}}).Err())
	b.settle(s, b.take(s), record.Deferred, due)
	b.floorNow()
	env.Eventually(b.t, soon, func() (bool, string) {
		left := b.client.ZCard(b.t.Context(), "{s}:delayed").Val()
		if left > 0 {
			b.floorNow()
		}
		return left == 0, fmt.Sprintf("%d entries wait", left)
	})
}

// TestTheFloorOfRecordsPutBackLate: while records that were put back long after
// they were due are unfinished, the floor must not pass their slots, whatever was
// received and settled meanwhile.
func TestTheFloorOfRecordsPutBackLate(t *testing.T) {
	b := newRig(t)
	s := b.open("one", nil)
	must(t, s.Open(t.Context()))
	now := b.client.Time(t.Context()).Val()
	hour, minute := now.Add(-time.Hour), now.Add(-time.Minute)
	b.putBack(s, hour)
	first := b.take(s)
	b.putBack(s, minute)
	second := b.take(s)
	if first.AdmitAt != hour.UnixMilli() || second.AdmitAt != minute.UnixMilli() {
		t.Fatalf("received %+v and %+v", first, second)
	}
	for _, step := range []struct {
		what string
		done *streams.Delivery
		want int64
	}{
		{"both are unfinished", nil, first.AdmitAt},
		{"the first is finished", &first, second.AdmitAt},
		{"both are finished", &second, second.ArrivedAt},
	} {
		if step.done != nil {
			b.settle(s, *step.done, record.Ingested, time.Time{})
		}
		for range 2 { // looking changes nothing
			if floor := b.floorNow(); floor != step.want {
				t.Errorf("%s: the floor is %d, want %d", step.what, floor, step.want)
			}
		}
	}
	if left := b.client.HMGet(t.Context(), "{s}:ledger", "returning", "returning:next").Val(); left[0] != nil || left[1] != nil {
		t.Errorf("the ledger keeps %q", left)
	}
}
