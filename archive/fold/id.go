package fold

import (
	"fmt"
	"math"

	"ingestion/archive"
)

// beginning is the ID before every entry.
const beginning = "0-0"

func later(a, b string) string {
	if archive.CompareIDs(a, b) < 0 {
		return b
	}
	return a
}

func earlier(a, b string) string {
	if archive.CompareIDs(b, a) < 0 {
		return b
	}
	return a
}

// arrival is the ms part of an ID.
func arrival(id string) int64 {
	ms, _, _ := archive.SplitID(id)
	return int64(min(ms, math.MaxInt64))
}

// following is the least ID after another one.
func following(id string) string {
	ms, seq, _ := archive.SplitID(id)
	if seq == math.MaxUint64 {
		return fmt.Sprintf("%d-0", ms+1)
	}
	return fmt.Sprintf("%d-%d", ms, seq+1)
}

// preceding is the greatest ID before another one.
func preceding(id string) string {
	switch ms, seq, _ := archive.SplitID(id); {
	case seq > 0:
		return fmt.Sprintf("%d-%d", ms, seq-1)
	case ms > 0:
		return fmt.Sprintf("%d-%d", ms-1, uint64(math.MaxUint64))
	default:
		return beginning
	}
}
