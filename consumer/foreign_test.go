package consumer_test

import (
	"strings"
	"testing"

	"ingestion/record"
	"ingestion/streams"
)

// TestAnEntryThatIsNotOneBodyIsRefused has entries with no body and with two, of
// which neither may be taken for the record.
func TestAnEntryThatIsNotOneBodyIsRefused(t *testing.T) {
	for reason, fields := range map[string][]string{
		`has no field "data"`:          {"Data", "{}"},
		`has the field "data" 2 times`: {"data", "{}", "x", "y", "data", "{}"},
		`has the field "data" 3 times`: {"data", "a", "data", "b", "data", "c"},
	} {
		r := newRig(t)
		s := newShelf("")
		s.waiting[0].Body, s.waiting[0].Fields = nil, fields
		wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Malformed: 1})
		d := streams.Delivery{Fields: fields}
		if !strings.Contains(d.Fault(), reason) {
			t.Errorf("%q: the reason is %q", fields, d.Fault())
		}
	}
}
