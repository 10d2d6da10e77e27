package e2e_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
)

var fivePerMinute = []string{"RATE_LIMIT_LIMIT=5", "RATE_LIMIT_WINDOW_SEC=60", "BATCH_SIZE=10"}

// TestBacklogWithinTheLimit processes a backlog of two hours of one customer's
// records that arrived within the limit.
func TestBacklogWithinTheLimit(t *testing.T) {
	t.Parallel()
	const records = 600
	f := crowd(34, "steady", records)
	r := newHarness(t, stream, fivePerMinute...)
	r.feedPast(12*time.Second, f.bodies())
	r.drain(4, records)
	f.want[ingested] = records
	r.wantOneOutcome(f)
	if docs := r.documents(); len(docs) != records {
		t.Errorf("%d documents, want %d", len(docs), records)
	}
	r.wantLedger(f.want)
}

// TestBacklogOverTheLimit processes a backlog that arrived at twice the allowed
// rate. Processed in order, exactly five of every ten records fit. Several
// workers process it in another order, so fewer may fit, but never more.
func TestBacklogOverTheLimit(t *testing.T) {
	t.Parallel()
	const records, fit = 600, 300
	for _, c := range []struct{ workers, concurrency, least int }{{1, 1, fit}, {4, 4, fit / 2}} {
		t.Run(fmt.Sprintf("%d workers", c.workers), func(t *testing.T) {
			t.Parallel()
			f := crowd(35, "hasty", records)
			r := newHarness(t, stream, append(fivePerMinute, fmt.Sprintf("WORKER_CONCURRENCY=%d", c.concurrency))...)
			r.keepPlaces()
			r.feedPast(6*time.Second, f.bodies())
			r.drain(c.workers, records)
			docs, times := r.documents(), []int64{}
			for _, d := range docs {
				times = append(times, idTime(d.StreamID))
			}
			r.wantRate(times, 5, time.Minute)
			if len(docs) < c.least || len(docs) > fit {
				t.Errorf("%d records were admitted, want %d to %d", len(docs), c.least, fit)
			}
			if diff := r.placesOf(docs); diff != "" {
				t.Error(diff)
			}
			r.wantLedger(map[string]int{ingested: len(docs), rateLimited: records - len(docs)})
			t.Logf("%d of %d records were admitted", len(docs), records)
		})
	}
}

// placesOf returns the difference between the documents and the places of
// "hasty": each place is at the arrival time of its record.
func (r *harness) placesOf(docs []document) string {
	places := r.places("hasty")
	for _, d := range docs {
		if places[d.ID] != idTime(d.StreamID) {
			return fmt.Sprintf("%+v has the place %d", d, places[d.ID])
		}
		delete(places, d.ID)
	}
	if len(places) > 0 {
		return fmt.Sprintf("places without a document: %v", places)
	}
	return ""
}

// drain processes the stream with n workers.
func (r *harness) drain(n, records int) {
	r.t.Helper()
	var workers []*env.Proc
	for range n {
		workers = append(workers, r.launch())
	}
	r.awaitOutcomes(records)
	for _, w := range workers {
		w.WaitForLine(soon, event("worker_started"))
		r.stop(w)
	}
}

// TestIngestedBeforeAnOutage kills a worker between insert and settlement.
// During the outage the places of its records expire and other records fill the
// windows. Records that are already stored count as ingested, not refused.
func TestIngestedBeforeAnOutage(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"drop", "dead-letter", "defer"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			const n = 40 // four batches
			f := simple(36, n)
			r, mongo := newProxiedHarness(t, stream, "RATE_LIMIT_POLICY="+policy, "BATCH_SIZE=10", "WORKER_CONCURRENCY=4")
			worker := r.start()
			mongo.hold()
			r.feed(f)
			r.awaitPlaces(f)
			r.redis.Kill()
			mongo.release()
			r.awaitTotal(n)
			r.wantDocuments(f)
			worker.Kill()

			r.redis.Start()
			r.fillWindows(f)
			r.reclaimAll(f)
		})
	}
}

// awaitPlaces waits until all records have a place.
func (r *harness) awaitPlaces(f *fixture) {
	r.t.Helper()
	env.Eventually(r.t, soon, func() (bool, string) {
		have := 0
		for _, customer := range f.customers() {
			have += len(r.places(customer))
		}
		return have == len(f.records), fmt.Sprintf("%d of %d records have a place", have, len(f.records))
	})
}

func (f *fixture) customers() []string {
	all := map[string]bool{}
	for _, s := range f.records {
		all[s.customerID] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// fillWindows replaces all places by those of other records.
func (r *harness) fillWindows(f *fixture) {
	r.t.Helper()
	for _, customer := range f.customers() {
		key := "{" + streamKey + "}:limit:" + customer
		if n := r.client.Del(r.ctx(), key).Val(); n != 1 {
			r.t.Fatalf("%s had no window", customer)
		}
		for i := range limit {
			err := r.client.ZAdd(r.ctx(), key, redis.Z{Score: float64(idTime(r.fed[0])), Member: fmt.Sprint("other-", i)}).Err()
			if err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

// TestBacklogByProcessingTime processes the same backlog with the clock set to
// the time of processing, by which all records arrive now.
func TestBacklogByProcessingTime(t *testing.T) {
	t.Parallel()
	const records = 20
	f := crowd(42, "steady", records)
	r := newHarness(t, stream, "RATE_LIMIT_CLOCK=processing", "RATE_LIMIT_LIMIT=5", "RATE_LIMIT_POLICY=drop")
	r.feedPast(time.Hour, f.bodies())
	before := r.client.Time(r.ctx()).Val().UnixMilli()
	r.drain(2, records)
	if counts := r.journal.counts; counts[ingested] != 5 || counts[rateLimited] != records-5 {
		t.Errorf("outcomes %v, want five ingested", counts)
	}
	for id, at := range r.places("steady") {
		if at < before {
			t.Errorf("%s has its place at %d, before it was processed", id, at)
		}
	}
	if letters := r.deadLetters(); len(letters) > 0 {
		t.Errorf("%d dead letters with the policy drop", len(letters))
	}
}
