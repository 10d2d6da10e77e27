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

func TestNumbersHaveCommas(t *testing.T) {
	for n, want := range map[int64]string{-1_234: "-1,234 entries", 0: "0 entries", 1: "1 entry", 999: "999 entries", 1_000: "1,000 entries", 1_234_567: "1,234,567 entries"} {
		if got := plural.Counted(n, "entry", "entries"); got != want {
			t.Errorf("Counted(%d) = %q, want %q", n, got, want)
		}
	}
	if got := plural.Thousands(1); got != "1" {
		t.Errorf("Thousands(1) = %q", got)
	}
}
