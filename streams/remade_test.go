package streams_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// TestAStreamMadeAnewWithLowerIDsIsRead has somebody delete a stream whose IDs lay
// ahead of the clock, and producers go on before a worker looks: what trimming has
// noted of the old stream is above all that comes.
func TestAStreamMadeAnewWithLowerIDsIsRead(t *testing.T) {
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
			must(t, next.CensusOnce(t.Context()))
			if a := b.wantBalanced(); a.Outcomes[record.Ingested] != 5 || a.Missing != 0 {
				t.Errorf("%+v", a)
			}
		})
	}
}
