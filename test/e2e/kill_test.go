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

// TestKilledWorkers kills workers at random moments, two of them being at
// work, while a load passes. In the end each record has had its outcome, once.
func TestKilledWorkers(t *testing.T) {
	t.Parallel()
	records, kills := setting(t, "E2E_RECORDS", 4000), setting(t, "E2E_KILLS", 8)
	seed := uint64(setting(t, "E2E_SEED", 3))
	t.Logf("E2E_SEED=%d", seed)
	f := newFixture(seed, records)
	r := newRig(t, stream, "STREAM_CLAIM_IDLE_MS=500", "BATCH_SIZE=50", "STREAM_RETENTION=0")
	began := time.Now()
	r.underKills(f, kills, rand.New(rand.NewPCG(seed, 4)))
	t.Logf("%d records and %d kills in %v; %d entries taken over, %d lines of outcomes",
		records, kills, time.Since(began).Round(time.Millisecond), r.takenOver(), r.journal.total())
	r.wantOneKind(f)
	r.wantDocuments(f)
	r.wantLedger(f.want)
}

// underKills feeds the whole load, so that workers are never idle, and kills a
// random one at a random point of each of as many parts as there are kills.
func (r *rig) underKills(f *fixture, kills int, rng *rand.Rand) {
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
	if r.takenOver() == 0 {
		r.t.Error("no kill has hit a worker that held anything: nothing was proven")
	}
}

// takenOver is how many entries of dead workers others have claimed.
func (r *rig) takenOver() int {
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

func (r *rig) awaitDistinct(n int) {
	r.t.Helper()
	env.Eventually(r.t, late, func() (bool, string) {
		r.wantWorking()
		have := r.journal.distinct()
		return have >= n, fmt.Sprintf("%d of %d entries have an outcome", have, n)
	})
}

// outlast lets a worker go on for a moment, in which it must not end by itself.
func (r *rig) outlast(p *env.Proc, moment time.Duration) {
	r.t.Helper()
	select {
	case <-p.Done():
		r.t.Fatalf("the worker ended by itself: %s", p.Stderr())
	case <-time.After(moment):
	}
}

// TestKilledBetweenInsertAndSettlement holds inserts up until the worker has
// all entries in hand, then takes Redis away, lets the inserts through and
// kills the worker, whose settlements can't have arrived.
func TestKilledBetweenInsertAndSettlement(t *testing.T) {
	t.Parallel()
	const n = 200
	f := simple(5, n)
	r, mongo := behindValve(t, stream, "RATE_LIMIT_LIMIT=0", "BATCH_SIZE=50", "WORKER_CONCURRENCY=4")
	worker := r.start()
	mongo.shut()
	r.feed(f)
	r.awaitHeld(n)
	r.redis.Kill()
	mongo.open()
	r.awaitTotal(n)
	r.wantDocuments(f)
	worker.Kill()

	r.redis.Start()
	if have := r.pending(); have != n {
		t.Fatalf("%d of %d entries are pending after the kill", have, n)
	}
	r.takeOverAll(f)
	if again := r.journal.total(); again != 2*n {
		t.Errorf("%d lines of outcomes, want %d: the entries came twice", again, 2*n)
	}
}

// takeOverAll has another worker end what a dead one has left, and checks that
// all is as if there had been one.
func (r *rig) takeOverAll(f *fixture) {
	r.t.Helper()
	second := r.start("STREAM_CLAIM_IDLE_MS=500")
	env.Eventually(r.t, late, func() (bool, string) {
		have := r.pending()
		return have == 0, fmt.Sprintf("%d entries are pending", have)
	})
	r.stop(second)
	r.wantOneKind(f)
	r.wantDocuments(f)
	r.wantLedger(f.want)
}

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

// TestFrozenWorker freezes a worker that holds everything until another has
// taken it over and settled it. The first one, woken, finishes what it had
// begun: nothing is inserted, counted or buried a second time.
func TestFrozenWorker(t *testing.T) {
	t.Parallel()
	const n = 200
	f := newFixture(22, n)
	r, mongo := behindValve(t, stream, "BATCH_SIZE=50", "WORKER_CONCURRENCY=4")
	frozen := r.start()
	mongo.shut()
	r.feed(f)
	r.awaitHeld(n)
	frozen.Signal(syscall.SIGSTOP)

	second := r.start("STREAM_CLAIM_IDLE_MS=500", "MONGO_URI="+r.mongo.URI())
	r.awaitOutcomes(n)
	mongo.open()
	frozen.Signal(syscall.SIGCONT)
	env.Eventually(t, soon, func() (bool, string) {
		lines := r.journal.total()
		return lines == 2*n, fmt.Sprintf("%d lines of outcomes, want each twice: %d", lines, 2*n)
	})
	r.stop(frozen)
	r.stop(second)
	r.wantOneKind(f)
	r.wantDocuments(f)
	r.wantLedger(f.want)
}
