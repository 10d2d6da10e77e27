package record_test

import (
	"testing"

	"ingestion/record"
)

func TestOutcomes(t *testing.T) {
	want := []struct {
		name    string
		status  record.Status
		refused bool
	}{
		{"ingested", "success", false},
		{"duplicate", "success", false},
		{"parse_error", "error", true},
		{"validation_failed", "error", true},
		{"rate_limited", "error", true},
		{"rejected", "error", true},
		{"poisoned", "error", true},
		{"deferred", "delayed", false},
	}
	all := record.Outcomes()
	if len(all) != len(want) {
		t.Fatalf("%d outcomes, want %d", len(all), len(want))
	}
	for i, o := range all {
		if o.String() != want[i].name || o.Status() != want[i].status || o.Refused() != want[i].refused {
			t.Errorf("%v: status %v, refused %v", o, o.Status(), o.Refused())
		}
	}
	for _, o := range []record.Outcome{0, 99} {
		if o.String() != "unknown" || o.Status() != record.Failure {
			t.Errorf("%d: %v, %v", o, o, o.Status())
		}
	}
}
