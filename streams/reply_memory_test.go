package streams_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams/streamstest"
)

func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // what pools hold goes with the second one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestABatchRetainsOnlyItsOwnBytes uses large fields that nobody reads, plain
// bodies, and an entry without a body.
func TestABatchRetainsOnlyItsOwnBytes(t *testing.T) {
	large := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct {
		entries int
		fields  []any
		holds   int64 // MiB, at most
	}{
		"fields that nobody reads": {20, []any{"data", "{}", "note", large}, 2},
		"large bodies":             {1, []any{"data", strings.Repeat(large, 20)}, 23},
		"no body":                  {1, []any{"note", strings.Repeat(large, 20)}, 23},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, env.WithConfig("appendonly", "no"))
			q := b.open("c", nil)
			for range c.entries {
				must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: c.fields}).Err())
			}
			before := liveHeap()
			got, err := q.Receive(t.Context(), 500)
			must(t, err)
			held := liveHeap() - before
			if len(got) == 0 || held > c.holds<<20 {
				t.Errorf("%d entries hold %d KiB, want %d MiB at most", len(got), held>>10, c.holds)
			}
			runtime.KeepAlive(got)
		})
	}
}

// TestUnreadFieldsCountAsSize: the size of the next reply is limited by all
// fields of recent entries, not only by their bodies.
func TestUnreadFieldsCountAsSize(t *testing.T) {
	b := newRig(t, env.WithConfig("appendonly", "no"))
	q := b.open("c", nil)
	add := func(n int) {
		for range n {
			must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", "{}", "note", strings.Repeat("x", 1<<20)}}).Err())
		}
	}
	add(1)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 1))
	add(40)
	got, err := q.Receive(t.Context(), 500)
	must(t, err)
	if len(got) == 0 || len(got) > 33 {
		t.Errorf("%d entries of a MiB in one batch", len(got))
	}
}

// TestABlockedReadReservesNoMemory even after a large reply.
func TestABlockedReadReservesNoMemory(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", strings.Repeat("x", 30<<20)}}).Err())
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if got, err := q.Receive(t.Context(), 10); len(got) > 0 || err != nil {
		t.Fatal(got, err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("%d KiB were allocated to wait", n>>10)
	}
}
