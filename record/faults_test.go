package record_test

import (
	"slices"
	"strings"
	"testing"

	"ingestion/record"
)

// Faults are the parts of the reason for which a body is refused.
func TestFaults(t *testing.T) {
	for body, n := range map[string]int{
		`{"customerId":"1","name":"A","email":"a@quillmarsh.net","createdAt":"2024"}`: 0,
		`{"customerId":"1","name":"A","email":"a","createdAt":"01/31/2024"}`:          2,
		`{"customerId":1,"name":" ","email":null}`:                                    4,
		`{}`: 4,
	} {
		faults, ok := record.Decoder{}.Faults([]byte(body))
		if !ok || len(faults) != n {
			t.Errorf("%s: %v, %v, want %d", body, faults, ok, n)
		}
		var parts []string
		for _, f := range faults {
			parts = append(parts, f.Field+": "+f.Reason)
		}
		_, err := record.Decoder{}.Decode([]byte(body))
		if (err != nil) != (n > 0) || err != nil && strings.Join(parts, "; ") != err.Error() {
			t.Errorf("%s: faults %q, but Decode says %v", body, parts, err)
		}
	}
	for _, body := range []string{"", "[]", "{", `{"name":"a","name":"b"}`, strings.Repeat(" ", record.DefaultMaxBytes) + "{}"} {
		if faults, ok := (record.Decoder{}).Faults([]byte(body)); ok || !slices.Equal(faults, nil) {
			t.Errorf("%.20q: %v, %v", body, faults, ok)
		}
	}
}
