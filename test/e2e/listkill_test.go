package e2e_test

import (
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"ingestion/internal/test/env"
)

// TestKilledListWorker kills a worker of a list, which may cost what it had in
// hand and no more: a single record where it takes one at a time.
func TestKilledListWorker(t *testing.T) {
	t.Parallel()
	for _, size := range []struct{ batch, concurrency int }{{1, 1}, {10, 4}} {
		t.Run(fmt.Sprintf("%d batches of %d", size.concurrency, size.batch), func(t *testing.T) {
			t.Parallel()
			const n = 300
			f := simple(21, n)
			r := newRig(t, list, "BATCH_SIZE="+strconv.Itoa(size.batch), "WORKER_CONCURRENCY="+strconv.Itoa(size.concurrency))
			r.feed(f)
			worker := r.start()
			r.awaitTotal(n / 3)
			worker.Kill()
			second := r.start()
			env.Eventually(t, late, func() (bool, string) {
				left := r.client.LLen(t.Context(), queueKey).Val()
				return left == 0, fmt.Sprintf("%d records are on the list", left)
			})
			r.stop(second)
			docs := r.documents()
			if lost := n - len(docs); lost > size.batch*size.concurrency {
				t.Errorf("%d records are lost, the worker held %d at most", lost, size.batch*size.concurrency)
			}
			for _, d := range docs {
				r.wantDocument(f, d)
			}
		})
	}
}

// TestSIGTERMWithoutRedis ends workers that can't reach the queue any more. One
// that holds nothing ends well; one that has to keep what it holds says so.
func TestSIGTERMWithoutRedis(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		t.Run("idle", func(t *testing.T) {
			r := newRig(t, mode)
			worker := r.start()
			r.redis.Kill()
			worker.WaitForLine(soon, retrying("Redis", "error"))
			r.stop(worker)
		})
		t.Run("holding", func(t *testing.T) {
			r, _, worker, _ := holding(t, mode, "SHUTDOWN_TIMEOUT_SEC=0.5")
			r.redis.Kill()
			r.outlast(worker, 100*time.Millisecond)
			worker.Signal(syscall.SIGTERM)
			r.wantExit(worker, 1)
			l, err := parseLine(worker.WaitForLine(soon, event("worker_stopped")))
			if err != nil || l.Status != "error" || l.Level != "error" || worker.Stderr() == "" {
				t.Errorf("what was not handed back is not told: %s, %s", l.text, worker.Stderr())
			}
		})
	})
}
