package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/record"
)

const poisoned = "poisoned"

// launchCrashing starts a worker that kills itself at a body with "kills the
// worker" and panics at one with "makes the worker panic".
func (r *harness) launchCrashing() *env.Proc {
	r.t.Helper()
	p := env.Process(r.t, env.BuildTagged(r.t, "ingestion/cmd/worker", "deadly"), nil, r.env)
	r.journal.follow(p)
	return p
}

// deadlyRecord returns a good record that makes the worker crash.
func deadlyRecord(rng *rand.Rand, customerID string, number int, name string) sent {
	p := newPerson(rng, customerID, number)
	p.name = name
	return sent{body: p.body(rng), events: []string{poisoned}, customerID: customerID}
}

// TestRecordsThatKillTheirWorker sends records that kill every worker that
// processes them, and some that make it panic, among good ones. Workers are
// restarted as by an orchestrator. The bad records end as poisoned, the others
// are ingested, and the account balances.
func TestRecordsThatKillTheirWorker(t *testing.T) {
	for _, partitions := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d partitions", partitions), func(t *testing.T) {
			t.Parallel()
			f := simple(31, 40)
			rng := rand.New(rand.NewPCG(31, 3))
			killer := deadlyRecord(rng, "customer-1", 1000, "kills the worker")
			f.records = append(f.records[:10:10], append([]sent{killer}, f.records[10:]...)...)
			f.add(deadlyRecord(rng, "customer-2", 1001, "makes the worker panic"))
			r := newHarness(t, stream, "STREAM_CLAIM_IDLE_MS=300", "STREAM_MAX_DELIVERIES=2", fmt.Sprintf("STREAM_PARTITIONS=%d", partitions))
			keys := r.feedByHome(f, partitions)
			deaths := r.untilSettled(keys, len(f.records))
			if deaths < 3 {
				t.Errorf("%d workers died, want at least three", deaths)
			}
			r.wantDocuments(f)
			r.wantPoisoned(keys, 2, "kills the worker", "makes the worker panic")
		})
	}
}

// feedByHome sends records to their home partitions and returns the partitions'
// keys.
func (r *harness) feedByHome(f *fixture, partitions int) []string {
	r.t.Helper()
	if partitions == 1 {
		r.feed(f)
		return []string{streamKey}
	}
	keys := make([]string, partitions)
	for p := range keys {
		keys[p] = partitionKey(p)
	}
	for i, s := range f.records {
		r.feedPartition(record.HomePartition(s.customerID, partitions), i, s.body)
	}
	return keys
}

// untilSettled keeps two workers running until n entries are settled, and
// returns how many died.
func (r *harness) untilSettled(keys []string, n int) (deaths int) {
	r.t.Helper()
	workers := []*env.Proc{r.launchCrashing(), r.launchCrashing()}
	env.Eventually(r.t, late, func() (bool, string) {
		for i, w := range workers {
			select {
			case <-w.Done():
				deaths++
				workers[i] = r.launchCrashing()
			default:
			}
		}
		settled := 0
		for _, key := range keys {
			for name, count := range r.ledger(key) {
				if outcomes[name] {
					settled += int(count)
				}
			}
		}
		return settled >= n, fmt.Sprintf("%d of %d entries are settled after %d deaths", settled, n, deaths)
	})
	for _, w := range workers {
		w.WaitForLine(soon, event("worker_started"))
		r.stop(w)
	}
	return deaths
}

// wantPoisoned checks that exactly these records are poisoned and nothing else
// is wrong.
func (r *harness) wantPoisoned(keys []string, n int, names ...string) {
	r.t.Helper()
	have := 0
	var letters []string
	for _, key := range keys {
		ledger := r.ledger(key)
		have += int(ledger[poisoned])
		if bad := ledger[duplicate] + ledger[parseError] + ledger["missing"]; bad != 0 {
			r.t.Errorf("ledger of %s: %v", key, ledger)
		}
		if left := r.client.HLen(r.ctx(), "{"+key+"}:suspects").Val(); left != 0 || r.pendingOf(key) != 0 {
			r.t.Errorf("%s: %d quarantined and %d pending entries are left", key, left, r.pendingOf(key))
		}
		for _, letter := range r.client.XRange(r.ctx(), "{"+key+"}:dead", "-", "+").Val() {
			letters = append(letters, fmt.Sprint(letter.Values["event"], " ", letter.Values["reason"], " ", letter.Values["data"]))
		}
	}
	if have != n || len(letters) != n {
		r.t.Errorf("%d poisoned with the dead letters %q, want %d", have, letters, n)
	}
	for _, name := range names {
		if all := strings.Join(letters, "\n"); !strings.Contains(all, name) {
			r.t.Errorf("no dead letter of the record that %s", name)
		}
	}
}

// TestNoGoodRecordIsPoisonedByKills kills workers so often that most of their
// entries are quarantined.
func TestNoGoodRecordIsPoisonedByKills(t *testing.T) {
	t.Parallel()
	const n, kills = 300, 8
	f := simple(32, n)
	r := newHarness(t, stream, "STREAM_CLAIM_IDLE_MS=200", "STREAM_MAX_DELIVERIES=1", "BATCH_SIZE=50")
	r.feed(f)
	rng := rand.New(rand.NewPCG(32, 4))
	worker := r.start()
	for range kills {
		r.outlast(worker, time.Duration(rng.IntN(80))*time.Millisecond)
		worker.Kill()
		worker = r.start()
	}
	env.Eventually(t, late, func() (bool, string) {
		done := r.ledger(streamKey)[ingested]
		return done >= n, fmt.Sprintf("%d of %d are ingested", done, n)
	})
	r.stop(worker)
	r.wantDocuments(f)
	r.wantLedger(f.want)
	if left := r.client.HLen(t.Context(), "{"+streamKey+"}:suspects").Val(); left != 0 {
		t.Errorf("%d quarantined entries are left", left)
	}
}

// TestEntriesOfAKilledWorkerAreReclaimedSoon kills a worker that holds 500
// entries while another one is idle. It has a time limit, so it does not run in
// parallel.
func TestEntriesOfAKilledWorkerAreReclaimedSoon(t *testing.T) {
	const n, lease, grace = 500, 2 * time.Second, 5 * time.Second
	f := simple(33, n)
	r, mongo := newProxiedHarness(t, stream, "RATE_LIMIT_LIMIT=0", "STREAM_CLAIM_IDLE_MS=2000")
	worker := r.start()
	mongo.hold()
	r.feed(f)
	r.awaitHeld(n)
	second := r.start("MONGO_URI=" + r.mongo.URI())
	if have := r.pending(); have != n {
		t.Fatalf("%d entries are pending, want those of the first worker", have)
	}
	worker.Kill()
	killed := time.Now()
	env.Eventually(t, late, func() (bool, string) {
		have := r.pending()
		return have == 0, fmt.Sprintf("%d entries are pending", have)
	})
	if took := time.Since(killed); took > lease+grace {
		t.Errorf("it took %v, want at most %v", took, lease+grace)
	}
	r.stop(second)
	r.wantDocuments(f)
	r.wantLedger(f.want)
}
