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

// modes runs a test in both, at the same time.
func modes(t *testing.T, test func(t *testing.T, mode string)) {
	t.Parallel()
	for _, mode := range []string{list, stream} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			test(t, mode)
		})
	}
}

// TestSIGTERMUnderLoad ends workers orderly in the middle of their work. Then
// every record has its outcome exactly once, in the list too.
func TestSIGTERMUnderLoad(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		const terms = 4
		f := newFixture(6, 1500)
		r := newRig(t, mode, "BATCH_SIZE=20")
		r.feed(f)
		for k := range terms {
			worker := r.start()
			r.awaitTotal((k + 1) * len(f.records) / (terms + 2))
			worker.Signal([]os.Signal{syscall.SIGTERM, syscall.SIGINT}[k%2])
			r.wantExit(worker, 0)
			if mode == stream && r.pending() != 0 {
				t.Errorf("%d entries are pending after an orderly end", r.pending())
			}
		}
		worker := r.start()
		r.awaitOutcomes(len(f.records))
		r.stop(worker)
		r.wantLog(f)
		r.wantDocuments(f)
		if mode == stream {
			r.wantOneKind(f)
			r.wantLedger(f.want)
		}
	})
}

func (r *rig) awaitTotal(n int) {
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

// holding returns a rig with a worker that holds all it may, since its inserts
// do not get through to MongoDB, and what was fed to it.
func holding(t *testing.T, mode string, environ ...string) (*rig, *valve, *env.Proc, *fixture) {
	t.Helper()
	f := simple(7, 2*held)
	r, mongo := behindValve(t, mode, append(environ, "BATCH_SIZE="+strconv.Itoa(batch), "WORKER_CONCURRENCY="+strconv.Itoa(concurrency))...)
	worker := r.start()
	mongo.shut()
	r.feed(f)
	r.awaitHeld(held)
	return r, mongo, worker, f
}

// awaitHeld waits until workers hold n records of the fixture.
func (r *rig) awaitHeld(n int) {
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

// TestHandBack ends a worker that can't finish what it holds.
func TestHandBack(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		r, mongo, worker, f := holding(t, mode, "SHUTDOWN_TIMEOUT_SEC=0.5")
		r.stop(worker)
		mongo.cut()
		if mode == list {
			if diff := cmp.Diff(f.bodies(), r.client.LRange(t.Context(), queueKey, 0, -1).Val()); diff != "" {
				t.Errorf("the list is not as it was (-want +got):\n%s", diff)
			}
		} else {
			wantClaimable(t, r)
		}
		mongo.open()
		second := r.start()
		r.awaitOutcomes(len(f.records))
		r.stop(second)
		r.wantLog(f)
		r.wantDocuments(f)
	})
}

// wantClaimable checks that what was handed back may be taken at once, and
// that the delivery does not count against it.
func wantClaimable(t *testing.T, r *rig) {
	t.Helper()
	entries := r.pendingEntries()
	if len(entries) != held {
		t.Errorf("%d entries were handed back, want %d", len(entries), held)
	}
	for _, e := range entries {
		if e.Idle.Milliseconds() < 30_000 || e.RetryCount != 0 {
			t.Errorf("entry %s is idle for %v after %d deliveries", e.ID, e.Idle, e.RetryCount)
		}
	}
}

// TestSecondSignal ends a worker at once that is about to end orderly.
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
			mongo.open()
			second := r.start("STREAM_CLAIM_IDLE_MS=500")
			r.awaitOutcomes(len(f.records))
			r.stop(second)
			r.wantLog(f)
			r.wantDocuments(f)
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
