package e2e_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"ingestion/internal/test/env"
)

// firstEvent returns the fields of the first line of an event.
func firstEvent(t *testing.T, worker *env.Proc, name string) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(worker.WaitForLine(soon, event(name))), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

// TestStreamTrimmedByAnotherClient trims undelivered entries: the worker
// continues, and the account tells how many are missing.
func TestStreamTrimmedByAnotherClient(t *testing.T) {
	t.Parallel()
	r, mongo, worker, f := holding(t, stream)
	const left = 10
	if err := r.client.XTrimMaxLen(t.Context(), streamKey, left).Err(); err != nil {
		t.Fatal(err)
	}
	unread := len(f.records) - held - left
	line := firstEvent(t, worker, "entries_missing")
	if line["count"] != float64(unread) || line["level"] != "error" {
		t.Errorf("logged %v, want %d never read", line, unread)
	}
	mongo.release()
	env.Eventually(t, late, func() (bool, string) {
		ledger := r.ledger(streamKey)
		return ledger[ingested] == held+left, fmt.Sprint(ledger)
	})
	r.stop(worker)
	if ledger := r.ledger(streamKey); ledger["missing"] != int64(unread) || r.pending() != 0 {
		t.Errorf("ledger %v, want %d missing", ledger, unread)
	}
	if docs := len(r.documents()); docs != held+left {
		t.Errorf("%d documents, want %d", docs, held+left)
	}
}

// TestRedisIsFlushed flushes Redis. Records that the worker holds reach
// MongoDB, and it reports what it knows about the others.
func TestRedisIsFlushed(t *testing.T) {
	t.Parallel()
	r, mongo, worker, f := holding(t, stream)
	r.awaitUpkeep()
	if err := r.client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	mongo.release()
	line := firstEvent(t, worker, "group_recreated")
	if line["lag"] != float64(len(f.records)-held) || !strings.Contains(fmt.Sprint(line["reason"]), "the stream had vanished") {
		t.Errorf("logged %v, want a lag of %d", line, len(f.records)-held)
	}
	again := simple(41, 20)
	r.feedTo(streamKey, again.bodies()...)
	env.Eventually(t, late, func() (bool, string) {
		ledger := r.ledger(streamKey)
		return ledger[ingested]+ledger[duplicate] == int64(len(again.records)), fmt.Sprint(ledger)
	})
	r.stop(worker)
}

// awaitUpkeep waits until the worker's maintenance has seen the current stream.
func (r *harness) awaitUpkeep() {
	r.t.Helper()
	if err := r.client.ConfigResetStat(r.ctx()).Err(); err != nil {
		r.t.Fatal(err)
	}
	env.Eventually(r.t, soon, func() (bool, string) {
		stats := r.client.Info(r.ctx(), "commandstats").Val()
		// It reads the groups for trimming and for loss detection.
		_, after, asked := strings.Cut(stats, "cmdstat_xinfo|groups:calls=")
		number, _, _ := strings.Cut(after, ",")
		calls, _ := strconv.Atoi(number)
		return asked && calls >= 4, "no upkeep"
	})
}

// TestGroupDestroyedUnderLoad destroys the group, so that the stream is read
// again from the last trimmed entry: ingested records count as such, and
// nothing is lost.
func TestGroupDestroyedUnderLoad(t *testing.T) {
	t.Parallel()
	const n = 400
	f := simple(42, n)
	r := newHarness(t, stream, "BATCH_SIZE=20")
	r.feed(f)
	worker := r.start()
	r.awaitTotal(n / 4)
	if err := r.client.XGroupDestroy(t.Context(), streamKey, group).Err(); err != nil {
		t.Fatal(err)
	}
	worker.WaitForLine(soon, event("group_recreated"))
	env.Eventually(t, late, func() (bool, string) {
		ledger := r.ledger(streamKey)
		return ledger[ingested] == n && ledger["epoch"] == 2, fmt.Sprint(ledger)
	})
	r.stop(worker)
	r.wantDocuments(f)
	r.wantLedger(f.want)
}
