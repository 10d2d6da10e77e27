package main_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
)

// What a worker has done is told: it has deferred a record and put it back, refused one,
// and limited one.
func TestTraceOfAWorkersRecords(t *testing.T) {
	r := newTraceRig(t, 1)
	start := func(settings ...string) (stop func()) {
		environ := append(r.env[:len(r.env):len(r.env)], "RATE_LIMIT_LIMIT=1", "RATE_LIMIT_WINDOW_SEC=2", "ADMIN_ADDR=", "WORKER_POLL_TIMEOUT_SEC=1")
		p := env.Process(t, env.Build(t, "ingestion/cmd/worker"), nil, append(environ, settings...))
		return func() {
			p.Signal(syscall.SIGTERM)
			p.Wait(soon)
		}
	}
	settled := func(want int64) {
		env.Eventually(t, soon, func() (bool, string) {
			counts := r.client.HGetAll(t.Context(), "{s}:ledger").Val()
			var n int64
			for _, o := range record.Outcomes() {
				var c int64
				_, _ = fmt.Sscan(counts[o.String()], &c)
				n += c
			}
			return n == want, fmt.Sprintf("%v, want %d settled", counts, want)
		})
	}
	stop := start("RATE_LIMIT_POLICY=defer") // before the records, which would be older than the window
	first, bad, second := r.add(0, person("42", 1)), r.add(0, invalidOf("42")), r.add(0, person("42", 2))
	settled(4) // the deferred one twice
	stop()
	r.env = append(r.env, "RATE_LIMIT_POLICY=defer", "RATE_LIMIT_LIMIT=1", "RATE_LIMIT_WINDOW_SEC=2")
	r.state(first, "ingested", "number 1 of 1 in the 2s up to there")
	got := r.state(second, "ingested", "deferred: over its customer's limit: it waited for its place at", "came back when its place was due, as entry", "inserted into MongoDB")
	back := *got.Records[0].PutBackAs
	if got = r.state(back, "ingested", "arrived as "+second, "it had been deferred", "the document's streamId is its first entry"); *got.Records[0].Origin != second {
		t.Errorf("%+v", got.Records[0])
	}
	r.state(bad, "dead", "validation_failed: email: has no @; createdAt: missing")
	got, _ = r.trace(0, "--customer", "42")
	wantEntries(t, got, back+" ingested", first+" ingested", bad+" dead")

	stop = start("RATE_LIMIT_POLICY=drop")
	third := r.add(0, person("44", 1))
	over := r.add(0, person("44", 2))
	settled(6)
	stop()
	r.state(third, "ingested")
	r.state(over, "dropped", "probably DROPPED (rate_limited)")
	var sim simulated
	r.limits(0, &sim, "simulate", "42", "2/2")
	if sim.Arrivals != 2 || sim.PutBack != 1 || sim.Simulated.Admitted != 2 || sim.Current.Deferred != 1 || *sim.Actual.Ingested != 2 {
		t.Errorf("%+v", sim)
	}
}

// The number of commands that an ID takes does not depend on how many entries there are,
// and those of a customer only on --scan.
func TestTraceReadsBoundedRanges(t *testing.T) {
	r := newTraceRig(t, 1)
	settled := r.ingest(0, person("42", 1))
	unknown := r.settled(0, record.Ingested, person("43", 1))
	pending := r.add(0, person("42", 2))
	must(t, r.client.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: []string{"s", ">"}, Count: 1}).Err())
	calls := func(code int, args ...string) string {
		must(t, r.client.ConfigResetStat(t.Context()).Err())
		r.result(code, append([]string{"trace"}, args...)...)
		return commandCalls(t, r.client)
	}
	var before []string
	fill := func(n int) (last string) {
		for range n / 1000 {
			_, err := r.client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
				for i := range 1000 {
					p.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", person("x", i)}})
				}
				return nil
			})
			must(t, err)
		}
		return r.add(0, person("44", 1))
	}
	for _, entries := range []int{4000, 40_000} {
		last := fill(entries)
		var now []string
		for _, id := range []string{settled, unknown, pending, last} {
			now = append(now, calls(0, id))
		}
		now = append(now, calls(1, "1-1"), calls(0, "--customer", "42", "--scan", "3000"))
		for i := range before {
			if now[i] != before[i] {
				t.Errorf("%d: with %d entries\n%s\nwith fewer\n%s", i, entries, now[i], before[i])
			}
		}
		before = now
	}
	start := time.Now()
	r.run(0, "trace", pending)
	t.Logf("one trace takes %v", time.Since(start))
}
