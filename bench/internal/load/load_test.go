package load

import (
	"testing"
	"time"

	"ingestion/record"
)

func TestCounts(t *testing.T) {
	const batch = 500
	for repeated, most := range map[int]int{AtOnce: 2000, Later: batch / 100} { // within a batch
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		first := map[string]int{}
		good, again, bad, near := 0, 0, 0, 0
		for n := range 200_030 {
			r, err := (record.Decoder{}).Decode([]byte(Body(n, start, repeated)))
			before, seen := first[r.ID]
			switch {
			case err != nil:
				bad++
			case seen:
				again++
				if n-before < batch {
					near++
				}
			default:
				good++
				first[r.ID] = n
			}
			if total := n + 1; good != Good(total) || again != Repeated(total) || bad != Bad(total) {
				t.Fatalf("of %d records %d are good, %d repeated, %d bad, want %d, %d and %d",
					total, good, again, bad, Good(total), Repeated(total), Bad(total))
			}
		}
		if near != most {
			t.Errorf("%d records are repeated within a batch, want %d", near, most)
		}
	}
}
