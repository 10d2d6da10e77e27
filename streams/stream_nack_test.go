package streams_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/streams"
)

// TestPostponed wants entries that are postponed to stay pending, to come again
// after a lease, not before, and this to count as no failed delivery unless it was
// one.
func TestPostponed(t *testing.T) {
	for deliveries, failed := range map[int64]bool{1: false, 2: true} {
		t.Run(fmt.Sprint("failed: ", failed), func(t *testing.T) { postpone(t, failed, deliveries) })
	}
}

func postpone(t *testing.T, failed bool, deliveries int64) {
	rig := newRig(t)
	const lease = 300 * time.Millisecond
	s := rig.open("one", func(o *streams.StreamOptions) { o.ClaimIdle, o.PollTimeout = lease, soon })
	must(t, s.Open(t.Context()))
	must(t, rig.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", "{}"}}).Err())
	first, err := s.Receive(t.Context(), 10)
	must(t, err)
	before := rig.client.Time(t.Context()).Val()
	first[0].Failed = failed
	must(t, s.NackWithDelay(t.Context(), first))
	if n := rig.pending(); n != 1 {
		t.Fatalf("%d entries are pending, want it still", n)
	}
	again, err := s.Receive(t.Context(), 10)
	must(t, err)
	if waited := rig.client.Time(t.Context()).Val().Sub(before); waited < lease {
		t.Errorf("it came again after %v, want a lease of %v", waited, lease)
	}
	if len(again) != 1 || again[0].ID != first[0].ID || again[0].Deliveries != deliveries || !again[0].Redelivered {
		t.Errorf("again came %+v, at first %+v", again, first)
	}
}
