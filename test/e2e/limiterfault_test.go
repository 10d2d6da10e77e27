package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
)

// moments is long enough for several retries.
const moments = 1200 * time.Millisecond

// TestWindowOfWrongType puts a string at the key of a customer's window. The
// customer's records wait, others of the same batch do not, and all are
// processed once the string is deleted.
func TestWindowOfWrongType(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		f := crowd(37, "odd", limit)
		for _, s := range simple(38, 20).records {
			f.add(s)
		}
		f.want[ingested] = len(f.records)
		r := newHarness(t, mode, "STREAM_CLAIM_IDLE_MS=500", "BATCH_SIZE=50")
		key := "{" + r.key() + "}:limit:odd"
		if err := r.client.Set(r.ctx(), key, "text", 0).Err(); err != nil {
			t.Fatal(err)
		}
		r.feed(f)
		worker := r.start()
		r.awaitTotal(20)
		worker.WaitForLine(soon, func(text string) bool {
			return event("warning")(text) && strings.Contains(text, `"customerId":"odd"`) && strings.Contains(text, key[1:])
		})
		r.outlast(worker, moments)
		for _, l := range r.journal.lines {
			if l.CustomerID == "odd" || l.Event != ingested {
				t.Errorf("limited without a window: %s", l.text)
			}
		}
		if mode == stream {
			env.Eventually(t, soon, func() (bool, string) {
				n := r.pending()
				return n == limit, fmt.Sprintf("%d entries are pending, want the customer's %d", n, limit)
			})
		}
		if err := r.client.Del(r.ctx(), key).Err(); err != nil {
			t.Fatal(err)
		}
		r.awaitOutcomes(len(f.records))
		r.stop(worker)
		r.wantLog(f)
		r.wantDocuments(f)
		if n := r.client.ZCard(r.ctx(), key).Val(); n != limit {
			t.Errorf("the window holds %d places, want %d", n, limit)
		}
		if mode == stream {
			r.wantLedger(f.want)
		}
	})
}

// TestRedisIsFull sets maxmemory before the limiter sees a load. No place can
// be recorded, so nothing is admitted and nothing is lost.
func TestRedisIsFull(t *testing.T) {
	t.Parallel()
	f := newFixture(39, 400)
	r := newHarness(t, stream, "BATCH_SIZE=50")
	r.stop(r.start()) // creates the group while there is memory for it
	r.feed(f)
	memory := func(limit string) {
		if err := r.client.ConfigSet(r.ctx(), "maxmemory", limit).Err(); err != nil {
			t.Fatal(err)
		}
	}
	memory("1")
	worker := r.start()
	worker.WaitForLine(soon, func(text string) bool {
		return strings.Contains(text, "OOM") || strings.Contains(text, "maxmemory")
	})
	r.outlast(worker, moments)
	if docs := r.documents(); len(docs) > 0 {
		t.Errorf("%d documents without a recorded place", len(docs))
	}
	memory("0")
	r.awaitOutcomes(len(f.records))
	r.stop(worker)
	r.wantOneOutcome(f)
	r.wantDocuments(f)
	r.wantLedger(f.want)
	for customer, ids := range r.admitted() {
		places := r.places(customer)
		for _, id := range ids {
			if places[id] == 0 {
				t.Errorf("%s of customer %q is stored without a place", id, customer)
			}
		}
	}
}

// admitted returns the documents' IDs by customer.
func (r *harness) admitted() map[string][]string {
	r.t.Helper()
	byCustomer := map[string][]string{}
	for _, d := range r.documents() {
		byCustomer[d.CustomerID] = append(byCustomer[d.CustomerID], d.ID)
	}
	return byCustomer
}

// TestBadLimitsOfCustomers sets malformed limits: the default applies, and a
// warning is logged once per customer.
func TestBadLimitsOfCustomers(t *testing.T) {
	t.Parallel()
	bad := []string{"five", "-5/60", "99999999999/60", "5"}
	r := newHarness(t, stream, "BATCH_SIZE=3", "WORKER_CONCURRENCY=1")
	f := crowd(40, "fine", limit+1)
	for i, text := range bad {
		customer := fmt.Sprint("bad-", i)
		if err := r.client.HSet(r.ctx(), "{"+streamKey+"}:limits", customer, text).Err(); err != nil {
			t.Fatal(err)
		}
		for _, s := range crowd(41, customer, limit+1).records {
			f.add(s)
		}
	}
	r.feed(f)
	worker := r.start()
	r.awaitOutcomes(len(f.records))
	r.stop(worker)
	r.wantLedger(map[string]int{ingested: limit * (len(bad) + 1), rateLimited: len(bad) + 1})
	told := map[string]int{}
	for _, text := range worker.Lines() {
		if l, err := parseLine(text); err == nil && l.Event == "warning" && strings.Contains(l.Reason, "limit") {
			told[l.CustomerID]++
		}
	}
	for i := range bad {
		if customer := fmt.Sprint("bad-", i); told[customer] != 1 {
			t.Errorf("%d warnings about the limit of %s, want one", told[customer], customer)
		}
	}
}
