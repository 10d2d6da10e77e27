package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"syscall"
	"testing"
	"time"

	"ingestion/internal/test/env"
)

// TestKilledWorkers kills workers at random moments while two of them process a
// load. In the end each record has exactly one outcome.
func TestKilledWorkers(t *testing.T) {
	t.Parallel()
	records, kills := setting(t, "E2E_RECORDS", 4000), setting(t, "E2E_KILLS", 8)
	seed := uint64(setting(t, "E2E_SEED", 3))
	t.Logf("E2E_SEED=%d", seed)
	f := newFixture(seed, records)
	r := newHarness(t, stream, "STREAM_CLAIM_IDLE_MS=500", "BATCH_SIZE=50", "STREAM_RETENTION=0")
	began := time.Now()
	r.underKills(f, kills, rand.New(rand.NewPCG(seed, 4)))
	t.Logf("%d records and %d kills in %v; %d entries reclaimed, %d outcome lines",
		records, kills, time.Since(began).Round(time.Millisecond), r.reclaimed(), r.journal.total())
	r.wantOneOutcome(f)
	r.wantDocuments(f)
	r.wantLedger(f.want)
}

// underKills sends the whole load, so that workers are never idle, divides it
// into as many parts as there are kills, and kills a random worker at a random
// point of each part.
func (r *harness) underKills(f *fixture, kills int, rng *rand.Rand) {
	r.t.Helper()
	workers := []*env.Proc{r.start(), r.start()}
	r.feed(f)
	for k := range kills {
		from, to := k*len(f.records)/kills, (k+1)*len(f.records)/kills
		r.awaitDistinct(from + rng.IntN(to-from))
		victim := rng.IntN(len(workers))
		r.outlast(workers[victim], time.Duration(rng.IntN(20))*time.Millisecond)
		workers[victim].Kill()
		workers[victim] = r.launch()
	}
	r.awaitOutcomes(len(f.records))
	for _, w := range workers {
		w.WaitForLine(soon, event("worker_started"))
		r.stop(w)
	}
	if r.reclaimed() == 0 {
		r.t.Error("no kill hit a worker that held entries: nothing was tested")
	}
}

// reclaimed returns how many entries of dead workers were reclaimed.
func (r *harness) reclaimed() int {
	n := 0
	for _, s := range r.journal.sources {
		for _, text := range s.proc.Lines() {
			var l struct {
				Event string
				Count int
			}
			if json.Unmarshal([]byte(text), &l) == nil && l.Event == "claimed" {
				n += l.Count
			}
		}
	}
	return n
}

func (r *harness) awaitDistinct(n int) {
	r.t.Helper()
	env.Eventually(r.t, late, func() (bool, string) {
		r.wantWorking()
		have := r.journal.distinct()
		return have >= n, fmt.Sprintf("%d of %d entries have an outcome", have, n)
	})
}

// outlast lets a worker run for a moment, during which it must not exit.
func (r *harness) outlast(p *env.Proc, moment time.Duration) {
	r.t.Helper()
	select {
	case <-p.Done():
		r.t.Fatalf("the worker exited: %s", p.Stderr())
	case <-time.After(moment):
	}
}

// TestKilledBetweenInsertAndSettlement holds inserts back until the worker
// holds all entries. Then it stops Redis, releases the inserts and kills the
// worker, which cannot have settled anything.
func TestKilledBetweenInsertAndSettlement(t *testing.T) {
	t.Parallel()
	const n = 200
	f := simple(5, n)
	r, mongo := newProxiedHarness(t, stream, "RATE_LIMIT_LIMIT=0", "BATCH_SIZE=50", "WORKER_CONCURRENCY=4")
	worker := r.start()
	mongo.hold()
	r.feed(f)
	r.awaitHeld(n)
	r.redis.Kill()
	mongo.release()
	r.awaitTotal(n)
	r.wantDocuments(f)
	worker.Kill()

	r.redis.Start()
	if have := r.pending(); have != n {
		t.Fatalf("%d of %d entries are pending after the kill", have, n)
	}
	r.reclaimAll(f)
	if again := r.journal.total(); again != 2*n {
		t.Errorf("%d outcome lines, want %d: each entry is logged twice", again, 2*n)
	}
}

// reclaimAll starts another worker, which finishes the work of a dead one, and
// checks that the result is that of a single worker.
func (r *harness) reclaimAll(f *fixture) {
	r.t.Helper()
	second := r.start("STREAM_CLAIM_IDLE_MS=500")
	env.Eventually(r.t, late, func() (bool, string) {
		have := r.pending()
		return have == 0, fmt.Sprintf("%d entries are pending", have)
	})
	r.stop(second)
	r.wantOneOutcome(f)
	r.wantDocuments(f)
	r.wantLedger(f.want)
}

// TestKilledListWorker kills a list worker. That may lose the records it held
// and no others: a single record if it takes one at a time.
func TestKilledListWorker(t *testing.T) {
	t.Parallel()
	for _, size := range []struct{ batch, concurrency int }{{1, 1}, {10, 4}} {
		t.Run(fmt.Sprintf("%d batches of %d", size.concurrency, size.batch), func(t *testing.T) {
			t.Parallel()
			const n = 300
			f := simple(21, n)
			r := newHarness(t, list, "BATCH_SIZE="+strconv.Itoa(size.batch), "WORKER_CONCURRENCY="+strconv.Itoa(size.concurrency))
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
				t.Errorf("%d records are lost, the worker held at most %d", lost, size.batch*size.concurrency)
			}
			for _, d := range docs {
				r.wantDocument(f, d)
			}
		})
	}
}

// TestFrozenWorker freezes a worker that holds all entries until another one
// has reclaimed and settled them. Then the first one resumes and finishes:
// nothing is inserted, counted or dead-lettered twice.
func TestFrozenWorker(t *testing.T) {
	t.Parallel()
	const n = 200
	f := newFixture(22, n)
	r, mongo := newProxiedHarness(t, stream, "BATCH_SIZE=50", "WORKER_CONCURRENCY=4")
	frozen := r.start()
	mongo.hold()
	r.feed(f)
	r.awaitHeld(n)
	frozen.Signal(syscall.SIGSTOP)

	second := r.start("STREAM_CLAIM_IDLE_MS=500", "MONGO_URI="+r.mongo.URI())
	r.awaitOutcomes(n)
	mongo.release()
	frozen.Signal(syscall.SIGCONT)
	env.Eventually(t, soon, func() (bool, string) {
		lines := r.journal.total()
		return lines == 2*n, fmt.Sprintf("%d lines of outcomes, want each twice: %d", lines, 2*n)
	})
	r.stop(frozen)
	r.stop(second)
	r.wantOneOutcome(f)
	r.wantDocuments(f)
	r.wantLedger(f.want)
}
