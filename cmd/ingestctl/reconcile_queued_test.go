package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
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

// TestQueuedEntriesAreFoundAfterARepartition has a log of before and after one. A customer's
// partition is another one then.
func TestQueuedEntriesAreFoundAfterARepartition(t *testing.T) {
	r := newRig(t, 1)
	server := r.env[slices.IndexFunc(r.env, func(v string) bool { return strings.HasPrefix(v, "REDIS_URL=") })]
	var log []string
	generate := func(partitions int) {
		p := env.Process(t, env.Build(t, "ingestion/cmd/producer"), []string{"generate", "--count", "40", "--rpm", "60000", "--customers", "1,2,3,4,5"},
			[]string{server, "QUEUE_MODE=stream", "STREAM_KEY=s", fmt.Sprint("STREAM_PARTITIONS=", partitions)})
		if code := p.Wait(soon); code != 0 {
			t.Fatal(p.Stderr())
		}
		log = append(log, p.Lines()...)
	}
	look := func(code int, lines []string) (string, string) {
		file := filepath.Join(t.TempDir(), "queued.log")
		must(t, os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600))
		return r.result(code, "reconcile", "--queued", file)
	}
	generate(1)
	r.repartition(0, 2, "--yes")
	r.env = append(r.env, "STREAM_PARTITIONS=2")
	generate(1) // by the old number still
	generate(2)
	out, _ := look(1, log) // of the new partitions nothing is known until a worker opens them
	wantWords(t, squeezed(out), "queued 120 120 on the stream, 0 trimmed, 0 lost")

	foreign := strings.ReplaceAll(log[0], `"stream":"s"`, `"stream":"x"`)
	_, failure := look(2, []string{foreign})
	wantWords(t, failure, "--queued", `is of the stream "x", and STREAM_KEY is "s"`)
	_, failure = look(2, []string{`{"event":"queued","customerId":"1","streamId":"1-0"}`})
	wantWords(t, failure, "--queued", `entry 1-0 has no "stream", and the number of partitions has changed`)
}
