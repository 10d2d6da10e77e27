package streams

import (
	"strconv"
	"strings"
)

// An entry ID is "ms-seq": Unix ms by the clock of Redis, and a sequence number.
// Both parts have 64 bits, so scripts compare them as text: see inspect.lua.

// before reports whether entry ID a is less than b. An empty ID is the least.
func before(a, b string) bool {
	aMs, aSeq := splitID(a)
	bMs, bSeq := splitID(b)
	return aMs < bMs || (aMs == bMs && aSeq < bSeq)
}

func splitID(id string) (ms, seq uint64) {
	first, second, _ := strings.Cut(id, "-")
	ms, _ = strconv.ParseUint(first, 10, 64)
	seq, _ = strconv.ParseUint(second, 10, 64)
	return ms, seq
}

// arrival is the ms part of an entry ID.
func arrival(id string) int64 {
	ms, _, _ := strings.Cut(id, "-")
	n, _ := strconv.ParseInt(ms, 10, 64)
	return n
}

// isEntryID reports whether text has the form in which Redis writes entry IDs.
func isEntryID(text string) bool {
	ms, seq, ok := strings.Cut(text, "-")
	digits := func(s string) bool { return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == "" }
	return ok && digits(ms) && digits(seq)
}
