package e2e_test

import (
	"fmt"
	"syscall"
	"testing"

	"ingestion/internal/test/env"
)

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
