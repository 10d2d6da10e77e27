package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
)

// under feeds a part of a load, calls fault while it is worked on, which has
// to feed the rest, and checks that all ends well with the same worker.
func under(t *testing.T, r *rig, f *fixture, fault func(worker *env.Proc, rest func())) {
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
	r.wantOneKind(f)
	r.wantLedger(f.want)
}

// stayAway keeps a server away for a little while after the worker has noticed.
func (r *rig) stayAway(worker *env.Proc) { r.outlast(worker, 300*time.Millisecond) }

// TestRedisAwayAndBack is for streams: a Redis that shuts down does not send the
// replies of the commands it ran last, so a pop among them is lost, which list
// mode does not promise away.
func TestRedisAwayAndBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, stream, "BATCH_SIZE=20")
	under(t, r, newFixture(8, 1500), func(worker *env.Proc, rest func()) {
		r.redis.Stop()
		worker.WaitForLine(soon, retrying("Redis", "error"))
		r.stayAway(worker)
		r.redis.Start()
		worker.WaitForLine(soon, retrying("Redis", "success"))
		rest()
	})
}

// TestRedisAwayAndBackWhileTheListIsIdle stops Redis while the worker waits for
// records and holds none, so that nothing may be lost.
func TestRedisAwayAndBackWhileTheListIsIdle(t *testing.T) {
	t.Parallel()
	r := newRig(t, list, "BATCH_SIZE=20")
	f := newFixture(22, 600)
	bodies := f.bodies()
	r.feedTo(queueKey, bodies[:300]...)
	worker := r.start()
	r.awaitTotal(300)
	for n := range 3 {
		r.redis.Stop()
		if n == 0 { // it is said once a minute
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

// TestRedisKilled takes Redis away without notice. In list mode that can lose
// what was popped and whose reply was under way: a stream loses nothing.
func TestRedisKilled(t *testing.T) {
	t.Parallel()
	r := newRig(t, stream, "BATCH_SIZE=20", "STREAM_CLAIM_IDLE_MS=1000")
	under(t, r, newFixture(19, 1500), func(worker *env.Proc, rest func()) {
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
		r := newFragileRig(t, mode, "BATCH_SIZE=20")
		under(t, r, newFixture(9, 1500), func(worker *env.Proc, rest func()) {
			r.mongo.Kill()
			rest()
			worker.WaitForLine(soon, retrying("MongoDB", "error"))
			r.stayAway(worker)
			r.mongo.Start()
			worker.WaitForLine(soon, retrying("MongoDB", "success"))
		})
	})
}

// TestMongoShutsDown is the orderly way in which a MongoDB goes away.
func TestMongoShutsDown(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		r := newFragileRig(t, mode, "BATCH_SIZE=20")
		under(t, r, newFixture(10, 1000), func(worker *env.Proc, rest func()) {
			r.mongo.Stop()
			rest()
			worker.WaitForLine(soon, retrying("MongoDB", "error"))
			r.mongo.Start()
			worker.WaitForLine(soon, retrying("MongoDB", "success"))
		})
	})
}

// TestRepliesLost cuts the connections to MongoDB in the middle of everything,
// so that batches are inserted whose reply never comes.
func TestRepliesLost(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		r, mongo := behindValve(t, mode, "BATCH_SIZE=20")
		f := newFixture(20, 1500)
		under(t, r, f, func(worker *env.Proc, rest func()) {
			rest()
			for k := range 5 {
				mongo.cut()
				r.awaitTotal((k + 5) * len(f.records) / 10)
			}
		})
	})
}

// TestScriptFlush has Redis forget the scripts again and again.
func TestScriptFlush(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		r := newRig(t, mode, "BATCH_SIZE=20")
		f := newFixture(11, 1000)
		under(t, r, f, func(worker *env.Proc, rest func()) {
			rest()
			env.Eventually(t, late, func() (bool, string) {
				if err := r.client.ScriptFlush(t.Context()).Err(); err != nil {
					t.Fatal(err)
				}
				return r.journal.total() >= 2*len(f.records)/3, "the load does not go on"
			})
			for _, text := range worker.Lines() {
				if event("retrying")(text) {
					t.Errorf("forgotten scripts need no retry: %s", text)
				}
			}
		})
	})
}

// An outage so long that the worker hands back what it holds: nobody waits on
// MongoDB any more, and still its return must be noticed.
func TestMongoAwayForLongerThanABatchMayWait(t *testing.T) {
	t.Parallel()
	r := newFragileRig(t, stream, "STREAM_CLAIM_IDLE_MS=150")
	worker := r.start()
	r.mongo.Kill()
	r.feedTo(streamKey, `{"customerId":"1","name":"A","email":"a@mail-host.org","createdAt":"2024-01-01"}`)
	env.Eventually(t, time.Minute, func() (bool, string) {
		held, err := r.client.XPendingExt(r.ctx(), &redis.XPendingExtArgs{Stream: streamKey, Group: group, Start: "-", End: "+", Count: 1}).Result()
		handedBack := err == nil && len(held) == 1 && held[0].RetryCount == 0
		return handedBack, fmt.Sprintf("the entry is not handed back: %v, %v", held, err)
	})
	r.mongo.Start()
	worker.WaitForLine(time.Minute, func(line string) bool { return strings.Contains(line, `"event":"ingested"`) })
	r.stop(worker)
}

// A Redis that was away for longer than a batch may wait leaves no trace in the
// exit code once all is well again.
func TestRedisAwayForLongerThanABatchMayWait(t *testing.T) {
	t.Parallel()
	r := newFragileRig(t, stream, "STREAM_CLAIM_IDLE_MS=150")
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
