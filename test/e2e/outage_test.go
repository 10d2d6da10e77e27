package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
)

// underFault sends a part of a load and, while it is processed, calls fault,
// which must send the rest. It checks that the same worker processes
// everything.
func underFault(t *testing.T, r *harness, f *fixture, fault func(worker *env.Proc, rest func())) {
	t.Helper()
	bodies := f.bodies()
	part := 2 * len(bodies) / 3
	r.feedTo(r.key(), bodies[:part]...)
	worker := r.start()
	r.awaitTotal(part / 2)
	fault(worker, func() { r.feedTo(r.key(), bodies[part:]...) })
	r.awaitOutcomes(len(f.records))
	r.stop(worker)
	r.wantDocuments(f)
	wantEveryLine(t, worker.Lines())
	if worker.Stderr() != "" {
		t.Errorf("standard error is not empty:\n%s", worker.Stderr())
	}
	if r.mode == list {
		r.wantLog(f)
		return
	}
	r.wantOneOutcome(f)
	r.wantLedger(f.want)
}

// stayAway keeps a server down for a moment after the worker has noticed.
func (r *harness) stayAway(worker *env.Proc) { r.outlast(worker, 300*time.Millisecond) }

// TestRedisAwayAndBack is for streams only: a Redis that shuts down does not
// send the replies of its last commands, and if a pop is among them, list mode
// loses its records.
func TestRedisAwayAndBack(t *testing.T) {
	t.Parallel()
	r := newHarness(t, stream, "BATCH_SIZE=20")
	underFault(t, r, newFixture(8, 1500), func(worker *env.Proc, rest func()) {
		r.redis.Stop()
		worker.WaitForLine(soon, retrying("Redis", "error"))
		r.stayAway(worker)
		r.redis.Start()
		worker.WaitForLine(soon, retrying("Redis", "success"))
		rest()
	})
}

// TestRedisAwayAndBackWhileTheListIsIdle stops Redis while the worker waits for
// records and holds none, so nothing may be lost.
func TestRedisAwayAndBackWhileTheListIsIdle(t *testing.T) {
	t.Parallel()
	r := newHarness(t, list, "BATCH_SIZE=20")
	f := newFixture(22, 600)
	bodies := f.bodies()
	r.feedTo(queueKey, bodies[:300]...)
	worker := r.start()
	r.awaitTotal(300)
	for n := range 3 {
		r.redis.Stop()
		if n == 0 { // it is logged once a minute
			worker.WaitForLine(soon, retrying("Redis", "error"))
		}
		r.stayAway(worker)
		r.redis.Start()
	}
	worker.WaitForLine(soon, retrying("Redis", "success"))
	r.feedTo(queueKey, bodies[300:]...)
	r.awaitOutcomes(len(f.records))
	r.stop(worker)
	r.wantLog(f)
	r.wantDocuments(f)
}

// TestRedisKilled kills Redis. In list mode that can lose popped records whose
// reply was not received; a stream loses nothing.
func TestRedisKilled(t *testing.T) {
	t.Parallel()
	r := newHarness(t, stream, "BATCH_SIZE=20", "STREAM_CLAIM_IDLE_MS=1000")
	underFault(t, r, newFixture(19, 1500), func(worker *env.Proc, rest func()) {
		for range 3 {
			r.redis.Kill()
			r.stayAway(worker)
			r.redis.Start()
		}
		rest()
	})
}

func TestMongoAwayAndBack(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		r := newRestartableHarness(t, mode, "BATCH_SIZE=20")
		underFault(t, r, newFixture(9, 1500), func(worker *env.Proc, rest func()) {
			r.mongo.Kill()
			rest()
			worker.WaitForLine(soon, retrying("MongoDB", "error"))
			r.stayAway(worker)
			r.mongo.Start()
			worker.WaitForLine(soon, retrying("MongoDB", "success"))
		})
	})
}

// TestMongoShutsDown shuts MongoDB down cleanly.
func TestMongoShutsDown(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		r := newRestartableHarness(t, mode, "BATCH_SIZE=20")
		underFault(t, r, newFixture(10, 1000), func(worker *env.Proc, rest func()) {
			r.mongo.Stop()
			rest()
			worker.WaitForLine(soon, retrying("MongoDB", "error"))
			r.mongo.Start()
			worker.WaitForLine(soon, retrying("MongoDB", "success"))
		})
	})
}

// TestRepliesLost cuts the connections to MongoDB under load, so that batches
// are inserted whose reply is lost.
func TestRepliesLost(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		r, mongo := newProxiedHarness(t, mode, "BATCH_SIZE=20")
		f := newFixture(20, 1500)
		underFault(t, r, f, func(worker *env.Proc, rest func()) {
			rest()
			for k := range 5 {
				mongo.cut()
				r.awaitTotal((k + 5) * len(f.records) / 10)
			}
		})
	})
}

// TestScriptFlush flushes the script cache again and again.
func TestScriptFlush(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		r := newHarness(t, mode, "BATCH_SIZE=20")
		f := newFixture(11, 1000)
		underFault(t, r, f, func(worker *env.Proc, rest func()) {
			rest()
			env.Eventually(t, late, func() (bool, string) {
				if err := r.client.ScriptFlush(t.Context()).Err(); err != nil {
					t.Fatal(err)
				}
				return r.journal.total() >= 2*len(f.records)/3, "the load does not go on"
			})
			for _, text := range worker.Lines() {
				if event("retrying")(text) {
					t.Errorf("a flushed script needed a retry: %s", text)
				}
			}
		})
	})
}

// TestMongoAwayForLongerThanABatchMayWait: the worker returns its entries, so
// no batch waits for MongoDB any more, but it must still notice that MongoDB is
// back.
func TestMongoAwayForLongerThanABatchMayWait(t *testing.T) {
	t.Parallel()
	r := newRestartableHarness(t, stream, "STREAM_CLAIM_IDLE_MS=150")
	worker := r.start()
	r.mongo.Kill()
	r.feedTo(streamKey, `{"customerId":"1","name":"A","email":"a@mail-host.org","createdAt":"2024-01-01"}`)
	env.Eventually(t, time.Minute, func() (bool, string) {
		held, err := r.client.XPendingExt(r.ctx(), &redis.XPendingExtArgs{Stream: streamKey, Group: group, Start: "-", End: "+", Count: 1}).Result()
		returned := err == nil && len(held) == 1 && held[0].RetryCount == 0
		return returned, fmt.Sprintf("the entry was not returned: %v, %v", held, err)
	})
	r.mongo.Start()
	worker.WaitForLine(time.Minute, func(line string) bool { return strings.Contains(line, `"event":"ingested"`) })
	r.stop(worker)
}

// TestRedisAwayForLongerThanABatchMayWait: a long outage does not affect the
// exit code once Redis is back.
func TestRedisAwayForLongerThanABatchMayWait(t *testing.T) {
	t.Parallel()
	r := newRestartableHarness(t, stream, "STREAM_CLAIM_IDLE_MS=150")
	worker := r.start()
	r.mongo.Kill()
	r.feedTo(streamKey, `{"customerId":"1","name":"A","email":"a@mail-host.org","createdAt":"2024-01-01"}`)
	worker.WaitForLine(time.Minute, func(line string) bool {
		return strings.Contains(line, `"server":"MongoDB"`) && strings.Contains(line, `"event":"retrying"`)
	})
	r.redis.Stop()
	worker.WaitForLine(time.Minute, func(line string) bool { return strings.Contains(line, "delivered again once their lease has run out") })
	r.redis.Start()
	r.mongo.Start()
	worker.WaitForLine(time.Minute, func(line string) bool { return strings.Contains(line, `"event":"ingested"`) })
	r.stop(worker)
}
