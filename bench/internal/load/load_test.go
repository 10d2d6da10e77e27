package load

import (
	"testing"
	"time"

	"ingestion/record"
)

func TestALoadHoldsWhatItsCountsSay(t *testing.T) {
	const batch = 500
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	first := map[string]int{}
	good, repeated, bad, near := 0, 0, 0, 0
	for n := range 200_030 {
		r, err := (record.Decoder{}).Decode([]byte(Body(n, start)))
		before, seen := first[r.ID]
		switch {
		case err != nil:
			bad++
		case seen:
			repeated++
			if n-before < batch {
				near++
			}
		default:
			good++
			first[r.ID] = n
		}
		if total := n + 1; good != Good(total) || repeated != Repeated(total) || bad != Bad(total) {
			t.Fatalf("of %d records %d are good, %d repeated, %d bad, want %d, %d and %d",
				total, good, repeated, bad, Good(total), Repeated(total), Bad(total))
		}
	}
	if begin := batch / 100; near > begin {
		t.Errorf("%d records are repeated within a batch, want %d at most", near, begin)
	}
}
