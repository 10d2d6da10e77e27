package plural_test

import (
	"testing"

	"ingestion/internal/plural"
)

func TestOnlyOneIsSingular(t *testing.T) {
	for n, want := range map[int]string{-1: "-1 entries are", 0: "0 entries are", 1: "1 entry is", 2: "2 entries are", 21: "21 entries are"} {
		if got := plural.Of(n, "entry is", "entries are"); got != want {
			t.Errorf("Of(%d) = %q, want %q", n, got, want)
		}
	}
}
