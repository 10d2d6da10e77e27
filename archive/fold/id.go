package fold

import (
	"fmt"
	"math"
	"strconv"
	"strings"

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

func splitID(id string) (ms, seq uint64) {
	first, second, _ := strings.Cut(id, "-")
	ms, _ = strconv.ParseUint(first, 10, 64)
	seq, _ = strconv.ParseUint(second, 10, 64)
	return ms, seq
}

// arrival is the ms part of an ID.
func arrival(id string) int64 {
	ms, _ := splitID(id)
	return int64(min(ms, math.MaxInt64))
}

// isID reports whether text is an entry ID as Redis writes it.
func isID(text string) bool {
	ms, seq := splitID(text)
	return text == fmt.Sprintf("%d-%d", ms, seq)
}

// following is the least ID after another one.
func following(id string) string {
	ms, seq := splitID(id)
	if seq == math.MaxUint64 {
		return fmt.Sprintf("%d-0", ms+1)
	}
	return fmt.Sprintf("%d-%d", ms, seq+1)
}

// preceding is the greatest ID before another one.
func preceding(id string) string {
	switch ms, seq := splitID(id); {
	case seq > 0:
		return fmt.Sprintf("%d-%d", ms, seq-1)
	case ms > 0:
		return fmt.Sprintf("%d-%d", ms-1, uint64(math.MaxUint64))
	default:
		return beginning
	}
}
