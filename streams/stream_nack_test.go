package streams_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/streams"
)

// TestNackWithDelay: the entry stays pending and is redelivered after a lease, not
// earlier; the delivery is uncounted unless it failed.
func TestNackWithDelay(t *testing.T) {
	for deliveries, failed := range map[int64]bool{1: false, 2: true} {
		t.Run(fmt.Sprint("failed: ", failed), func(t *testing.T) { nackWithDelay(t, failed, deliveries) })
	}
}

func nackWithDelay(t *testing.T, failed bool, deliveries int64) {
	rig := newRig(t)
	const lease = 300 * time.Millisecond
	s := rig.open("one", func(o *streams.StreamOptions) { o.ClaimIdle, o.PollTimeout = lease, 10*time.Second })
	must(t, s.Open(t.Context()))
	must(t, rig.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", "{}"}}).Err())
	first, err := s.Receive(t.Context(), 10)
	must(t, err)
	before := rig.client.Time(t.Context()).Val()
	first[0].Failed = failed
	must(t, s.NackWithDelay(t.Context(), first))
	if n := rig.pending(); n != 1 {
		t.Fatalf("%d entries are pending, want 1", n)
	}
	again, err := s.Receive(t.Context(), 10)
	must(t, err)
	if waited := rig.client.Time(t.Context()).Val().Sub(before); waited < lease {
		t.Errorf("redelivered after %v, want a lease of %v", waited, lease)
	}
	if len(again) != 1 || again[0].ID != first[0].ID || again[0].Deliveries != deliveries || !again[0].Redelivered {
		t.Errorf("redelivered %+v, was %+v", again, first)
	}
}
