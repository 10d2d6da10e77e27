package e2e_test

import (
	"testing"
	"time"
)

func TestMainPathOfTheList(t *testing.T) {
	t.Parallel()
	f := newFixture(1, setting(t, "E2E_RECORDS", 5000))
	r := newHarness(t, list)
	r.feed(f)
	began := time.Now()
	worker := r.start()
	r.awaitOutcomes(len(f.records))
	t.Logf("%d records in %v", len(f.records), time.Since(began).Round(time.Millisecond))
	r.stop(worker)
	r.wantLog(f)
	r.wantDocuments(f)
	wantEveryLine(t, worker.Lines())
	wantLinesOfList(t, r, f)
	if keys := r.client.Exists(r.ctx(), queueKey, "{"+queueKey+"}:dead", "{"+queueKey+"}:ledger").Val(); keys != 0 {
		t.Errorf("%d keys of the queue are left, want none: list mode drops refused records", keys)
	}
}

// wantLinesOfList matches lines with records by _id, or by body for a bad
// record.
func wantLinesOfList(t *testing.T, r *harness, f *fixture) {
	t.Helper()
	byID := map[string][]sent{}
	for _, s := range f.records {
		if s.person != nil {
			byID[s.person.identity()] = append(byID[s.person.identity()], s)
		}
	}
	for _, l := range r.journal.lines {
		if l.Event == parseError || l.Event == invalid {
			continue
		}
		same := byID[l.ID]
		if len(same) == 0 {
			t.Errorf("a line without a record: %s", l.text)
			continue
		}
		wantOutcomeLine(t, l, same[0], list)
	}
}

func TestMainPathOfTheStream(t *testing.T) {
	t.Parallel()
	const worker = "a-worker"
	f := newFixture(2, setting(t, "E2E_RECORDS", 5000))
	r := newHarness(t, stream, "STREAM_CONSUMER="+worker)
	r.feed(f)
	r.addUnknownFields(f, "payload", "{}")
	began := time.Now()
	p := r.start()
	r.awaitOutcomes(len(f.records))
	t.Logf("%d records in %v", len(f.records), time.Since(began).Round(time.Millisecond))
	r.stop(p)
	r.wantLog(f)
	r.wantOneOutcome(f)
	r.wantDocuments(f)
	r.wantLedger(f.want)
	r.wantDeadLetters(f, worker)
	wantEveryLine(t, p.Lines())
	for _, l := range r.journal.lines {
		wantOutcomeLine(t, l, f.records[r.numbers[l.StreamID]], stream)
	}
}
