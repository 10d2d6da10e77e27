package demo

import (
	"errors"
	"strings"
	"testing"

	"ingestion/record"
)

// agreeing returns expected counts and observations that match.
func agreeing() (*counts, *observed) {
	want := newCounts()
	want.sent, want.conflicts = 9, 1
	want.byOutcome = map[record.Outcome]int{record.Ingested: 5, record.Duplicate: 2, record.Malformed: 1, record.RateLimited: 1}
	got := &observed{ledger: map[record.Outcome]int{}, logged: *newCounts(), documents: 5, deadLetters: 1}
	got.logged.add(want)
	for outcome, n := range want.byOutcome {
		got.ledger[outcome] = n
	}
	return want, got
}

func TestReportAgrees(t *testing.T) {
	var out strings.Builder
	want, got := agreeing()
	if err := report(&out, want, got, "the.log"); err != nil || strings.Contains(out.String(), "WRONG") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestReportDetectsEachWrongCount(t *testing.T) {
	for name, spoil := range map[string]func(*observed){
		"one document too many":   func(f *observed) { f.documents++ },
		"a dead letter missing":   func(f *observed) { f.deadLetters-- },
		"a log line missing":      func(f *observed) { f.logged.byOutcome[record.Ingested]-- },
		"a conflict not logged":   func(f *observed) { f.logged.conflicts = 0 },
		"another outcome counted": func(f *observed) { f.ledger[record.Duplicate]--; f.ledger[record.Ingested]++ },
		"an unexpected outcome":   func(f *observed) { f.ledger[record.Poisoned]++ },
	} {
		var out strings.Builder
		want, got := agreeing()
		spoil(got)
		if err := report(&out, want, got, "the.log"); !errors.Is(err, ErrMismatch) || !strings.Contains(out.String(), "WRONG") {
			t.Errorf("%s: %v\n%s", name, err, out.String())
		}
	}
}
