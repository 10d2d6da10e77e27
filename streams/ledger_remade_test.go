package streams_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// TestARecreatedStreamWithLowerIDsIsRead has another client delete a stream
// whose IDs were ahead of the clock, and producers continue before a worker looks: the
// notes of trimming about the old stream are above all new IDs.
func TestARecreatedStreamWithLowerIDsIsRead(t *testing.T) {
	for name, after := range map[string]func(b *rig){
		"entries": func(b *rig) { b.pushMany(5) },
		"entries on both sides of the mark": func(b *rig) {
			b.pushMany(4)
			must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", ID: "1800000000000000-0", Values: []any{"data", "{}"}}).Err())
		},
		"none yet": func(b *rig) {
			push(t, b.client, "{}")
			must(t, b.client.XTrimMaxLen(t.Context(), "s", 0).Err())
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			q := b.open("c", func(o *streams.StreamOptions) { o.Retention = 0 })
			b.addAhead(q, byFar)
			for b.client.XLen(t.Context(), "s").Val() > 0 {
				must(t, q.TrimOnce(t.Context()))
			}
			must(t, b.client.Del(t.Context(), "s").Err())
			after(b)
			next := b.open("next", nil)
			must(t, next.Open(t.Context()))
			if b.client.XLen(t.Context(), "s").Val() == 0 {
				b.pushMany(5)
			}
			settleAll(t, next, record.Ingested, streamstest.Receive(t, next, 5))
			must(t, next.DetectLossesOnce(t.Context()))
			if a := b.wantBalanced(); a.Outcomes[record.Ingested] != 5 || a.Missing != 0 {
				t.Errorf("%+v", a)
			}
		})
	}
}

// TestNotesOfADeletedStreamAreRemoved: otherwise the floor would never rise
// again, and fields of a producer would count.
func TestNotesOfADeletedStreamAreRemoved(t *testing.T) {
	for name, remake := range map[string]func(b *rig){
		"made anew": func(b *rig) {
			must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", ID: "1-1", Values: []any{"data", "{}", "origin", "1-0"}}).Err())
		},
		"gone": func(b *rig) {},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			q := b.open("c", func(o *streams.StreamOptions) { o.Retention = 0 })
			must(t, q.Open(t.Context()))
			b.pushMany(2)
			for range 2 {
				b.settle(q, streamstest.Receive(t, q, 1)[0], record.Deferred, time.Now().Add(-time.Minute))
				must(t, q.MoveOnce(t.Context()))
			}
			settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 1))
			must(t, q.TrimOnce(t.Context()))
			b.wantLedger(map[string]string{"legacy": "0-0"})
			must(t, b.client.HSet(t.Context(), "{s}:ledger", "legacy", byFar).Err())
			must(t, b.client.Del(t.Context(), "s").Err())
			remake(b)
			next := b.open("next", nil)
			must(t, next.Open(t.Context()))
			b.wantLedger(map[string]string{"returning": "", "returning:next": "", "legacy": "0-0"})
			if n := b.client.HLen(t.Context(), "{s}:returns").Val(); n != 0 {
				t.Errorf("%d notes about returned entries are left", n)
			}
			if name == "made anew" {
				wantNoPower(t, streamstest.Receive(t, next, 1)[0])
			}
		})
	}
}
