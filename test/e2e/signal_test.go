package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ingestion/internal/test/env"
)

// modes runs a test in both modes, in parallel.
func modes(t *testing.T, test func(t *testing.T, mode string)) {
	t.Parallel()
	for _, mode := range []string{list, stream} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			test(t, mode)
		})
	}
}

// TestSIGTERMUnderLoad shuts workers down cleanly under load. Every record has
// exactly one outcome, in list mode too.
func TestSIGTERMUnderLoad(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		const terms = 4
		f := newFixture(6, 1500)
		r := newHarness(t, mode, "BATCH_SIZE=20")
		r.feed(f)
		for k := range terms {
			worker := r.start()
			r.awaitTotal((k + 1) * len(f.records) / (terms + 2))
			worker.Signal([]os.Signal{syscall.SIGTERM, syscall.SIGINT}[k%2])
			r.wantExit(worker, 0)
			if mode == stream && r.pending() != 0 {
				t.Errorf("%d entries are pending after a clean shutdown", r.pending())
			}
		}
		worker := r.start()
		r.awaitOutcomes(len(f.records))
		r.stop(worker)
		r.wantLog(f)
		r.wantDocuments(f)
		if mode == stream {
			r.wantOneOutcome(f)
			r.wantLedger(f.want)
		}
	})
}

func (r *harness) awaitTotal(n int) {
	r.t.Helper()
	env.Eventually(r.t, late, func() (bool, string) {
		r.wantWorking()
		have := r.journal.total()
		return have >= n, fmt.Sprintf("%d of %d outcomes", have, n)
	})
}

const (
	batch       = 10
	concurrency = 4
	held        = batch * concurrency
)

// holding returns a harness with a worker that holds as many records as it may,
// since its inserts are held back, and the records sent.
func holding(t *testing.T, mode string, environ ...string) (*harness, *proxy, *env.Proc, *fixture) {
	t.Helper()
	f := simple(7, 2*held)
	r, mongo := newProxiedHarness(t, mode, append(environ, "BATCH_SIZE="+strconv.Itoa(batch), "WORKER_CONCURRENCY="+strconv.Itoa(concurrency))...)
	worker := r.start()
	mongo.hold()
	r.feed(f)
	r.awaitHeld(held)
	return r, mongo, worker, f
}

// awaitHeld waits until workers hold n records.
func (r *harness) awaitHeld(n int) {
	r.t.Helper()
	env.Eventually(r.t, soon, func() (bool, string) {
		var have int
		if r.mode == stream {
			have = int(r.pending())
		} else {
			have = r.sentToList - int(r.client.LLen(r.ctx(), queueKey).Val())
		}
		return have == n, fmt.Sprintf("%d records are held, want %d", have, n)
	})
}

// TestNackOnShutdown stops a worker that cannot finish the records it holds.
func TestNackOnShutdown(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		r, mongo, worker, f := holding(t, mode, "SHUTDOWN_TIMEOUT_SEC=0.5")
		r.stop(worker)
		mongo.cut()
		if mode == list {
			if diff := cmp.Diff(f.bodies(), r.client.LRange(t.Context(), queueKey, 0, -1).Val()); diff != "" {
				t.Errorf("the list has changed (-want +got):\n%s", diff)
			}
		} else {
			wantClaimable(t, r)
		}
		mongo.release()
		second := r.start()
		r.awaitOutcomes(len(f.records))
		r.stop(second)
		r.wantLog(f)
		r.wantDocuments(f)
	})
}

// wantClaimable checks that returned entries can be claimed at once and that
// the delivery does not count against them.
func wantClaimable(t *testing.T, r *harness) {
	t.Helper()
	entries := r.pendingEntries()
	if len(entries) != held {
		t.Errorf("%d entries were returned, want %d", len(entries), held)
	}
	for _, e := range entries {
		if e.Idle.Milliseconds() < 30_000 || e.RetryCount != 0 {
			t.Errorf("entry %s is idle for %v after %d deliveries", e.ID, e.Idle, e.RetryCount)
		}
	}
}

// TestSecondSignal checks that a second signal ends a clean shutdown at once.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			r, mongo, worker, f := holding(t, stream, "SHUTDOWN_TIMEOUT_SEC=600")
			var code int
			env.Eventually(t, soon, func() (bool, string) {
				err := syscall.Kill(worker.PID(), signal)
				select {
				case <-worker.Done():
					code = worker.Wait(soon)
					return true, ""
				default:
					return false, fmt.Sprintf("it still runs: %v", errors.Unwrap(err))
				}
			})
			if code != 128+int(signal) {
				t.Errorf("exit code %d after two %v", code, signal)
			}
			mongo.cut()
			mongo.release()
			second := r.start("STREAM_CLAIM_IDLE_MS=500")
			r.awaitOutcomes(len(f.records))
			r.stop(second)
			r.wantLog(f)
			r.wantDocuments(f)
		})
	}
}

// TestSIGTERMWithoutRedis stops workers while Redis is down. A worker that
// holds nothing exits cleanly; one that cannot return its records reports that.
func TestSIGTERMWithoutRedis(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		t.Run("idle", func(t *testing.T) {
			r := newHarness(t, mode)
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
				t.Errorf("records that were not returned are not reported: %s, %s", l.text, worker.Stderr())
			}
		})
	})
}
