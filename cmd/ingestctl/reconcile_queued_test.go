package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/schema"
	"ingestion/record"
)

// TestWhatTheProducerCountsAsQueuedIsLookedFor loses entries as a failover does: Redis itself
// knows nothing of them.
func TestWhatTheProducerCountsAsQueuedIsLookedFor(t *testing.T) {
	r := newRig(t, 2)
	var log strings.Builder
	queue := func(customer string) string {
		key := r.keys[record.HomePartition(customer, 2)]
		id, err := r.client.XAdd(t.Context(), &redis.XAddArgs{Stream: key, Values: []any{"data", person(customer, log.Len())}}).Result()
		must(t, err)
		fmt.Fprintf(&log, `{"event":"queued","status":"success","customerId":%q,"streamId":%q}`+"\n", customer, id)
		return key
	}
	home := queue("42")
	other := "0"
	for n := 0; r.keys[record.HomePartition(other, 2)] == home; n++ {
		other = fmt.Sprint(n)
	}
	queue(other)
	kept := r.client.Dump(t.Context(), home).Val()
	queue("42")
	queue("42")
	queue(other)
	log.WriteString("producer: 5 records sent\n")
	file := filepath.Join(t.TempDir(), "queued.log")
	must(t, os.WriteFile(file, []byte(log.String()), 0o600))

	wantWords(t, squeezed(r.run(0, "reconcile", "--queued", file)), "queued 5 5 on the stream, 0 trimmed, 0 lost")
	must(t, r.client.RestoreReplace(t.Context(), home, 0, kept).Err())
	wantWords(t, r.run(0, "reconcile"), "balanced")
	out, note := r.result(3, "reconcile", "--queued", file)
	wantWords(t, squeezed(out), "MISSING: "+home+": 2 entries of the 3", "queued 5 3 on the stream, 0 trimmed, 2 lost", "balanced")
	wantWords(t, note, "with 2 records missing")
	schema.Check(t, "ingestctl-reconcile", []byte(r.run(3, "reconcile", "--json", "--queued", file)))

	must(t, r.client.HSet(t.Context(), "{"+home+"}:ledger", "watermark", "99999999999999-0").Err())
	wantWords(t, squeezed(r.run(0, "reconcile", "--queued", file)), "queued 5 3 on the stream, 2 trimmed, 0 lost")
}
