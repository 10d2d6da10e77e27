package integration_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"ingestion/examples"
	"ingestion/internal/test/env"
)

// expected returns the outcomes that the example file must have.
func expected(t *testing.T) map[string]int {
	t.Helper()
	var counts map[string]int
	if err := json.Unmarshal(examples.Expected, &counts); err != nil {
		t.Fatal(err)
	}
	return counts
}

func wantOutcomes(t *testing.T, s *service, worker *env.Proc, want map[string]int) {
	t.Helper()
	logged := events(t, worker)
	for _, outcome := range append([]string{"conflict"}, outcomes...) {
		if logged[outcome] != want[outcome] {
			t.Errorf("the log has %d %s, want %d", logged[outcome], outcome, want[outcome])
		}
	}
	if got := s.documents(); got != want["ingested"] {
		t.Errorf("%d documents, want %d", got, want["ingested"])
	}
}

func TestExampleFileThroughTheList(t *testing.T) {
	s, want := newService(t, "list"), expected(t)
	s.producer([]string{"load", "-"}, string(examples.Customers))
	worker := s.worker("WORKER_MAX_MESSAGES=" + strconv.Itoa(want["lines"]))
	s.wantExit(worker)
	wantOutcomes(t, s, worker, want)
	if n := s.redis.Exists(t.Context(), s.queue, "{"+s.queue+"}:dead").Val(); n != 0 {
		t.Errorf("%d keys of the queue are left", n)
	}
}

func TestExampleFileThroughTheStream(t *testing.T) {
	s, want := newService(t, "stream"), expected(t)
	worker := s.worker("WORKER_MAX_MESSAGES=" + strconv.Itoa(want["lines"]))
	s.producer([]string{"load", "-"}, string(examples.Customers))
	s.wantExit(worker)
	wantOutcomes(t, s, worker, want)
	wantAccount(t, s, want)
}

// wantAccount checks the ledger and the dead letters, and that nothing is
// pending.
func wantAccount(t *testing.T, s *service, want map[string]int) {
	t.Helper()
	ledger := s.redis.HGetAll(t.Context(), "{"+s.stream+"}:ledger").Val()
	for _, outcome := range outcomes {
		if ledger[outcome] != strconv.Itoa(want[outcome]) {
			t.Errorf("the ledger has %q %s, want %d", ledger[outcome], outcome, want[outcome])
		}
	}
	refused := want["parse_error"] + want["validation_failed"] // rate-limited records are dropped
	if n := s.redis.XLen(t.Context(), "{"+s.stream+"}:dead").Val(); n != int64(refused) {
		t.Errorf("%d dead letters, want %d", n, refused)
	}
	pending, err := s.redis.XPending(t.Context(), s.stream, "ingest-workers").Result()
	if err != nil || pending.Count != 0 {
		t.Errorf("pending: %+v (%v), want nothing", pending, err)
	}
}

func TestPartitionsShareTheCustomers(t *testing.T) {
	s, want := newService(t, "stream", "STREAM_PARTITIONS=3"), expected(t)
	s.producer([]string{"load", "-"}, string(examples.Customers))
	worker := s.worker()
	s.awaitOutcomes(worker, want["lines"])
	s.stop(worker)
	wantOutcomes(t, s, worker, want)
	for p := range 3 {
		if n := s.redis.HGet(t.Context(), "{"+s.stream+":"+strconv.Itoa(p)+"}:ledger", "ingested").Val(); n == "" {
			t.Errorf("partition %d ingested nothing", p)
		}
	}
}

func TestGeneratedRecordsWhileTheWorkerRuns(t *testing.T) {
	for _, mode := range []string{"list", "stream"} {
		t.Run(mode, func(t *testing.T) {
			const records = 100
			s := newService(t, mode, "RATE_LIMIT_LIMIT=0")
			worker := s.worker()
			s.producer([]string{"generate", "--count", strconv.Itoa(records), "--rpm", "6000", "--invalid-rate", "0", "--seed", "7"}, "")
			s.awaitOutcomes(worker, records)
			s.stop(worker)
			wantOutcomes(t, s, worker, map[string]int{"ingested": records})
		})
	}
}
