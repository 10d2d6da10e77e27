package archive

import (
	"cmp"
	"strconv"
	"strings"
)

// beginning is before the ID of every entry.
const beginning = "0-0"

// CompareIDs orders two entry IDs as Redis does: it returns -1, 0 or +1. What is no ID is
// before every ID.
func CompareIDs(a, b string) int {
	aMs, aSeq, _ := SplitID(a)
	bMs, bSeq, _ := SplitID(b)
	return cmp.Or(cmp.Compare(aMs, bMs), cmp.Compare(aSeq, bSeq))
}

// SplitID returns the parts of an entry ID: Unix ms and a sequence number. ok is false, and
// the parts mean nothing, if it is none.
func SplitID(id string) (ms, seq uint64, ok bool) {
	first, second, ok := strings.Cut(id, "-")
	if !ok {
		return 0, 0, false
	}
	ms, err := strconv.ParseUint(first, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	seq, err = strconv.ParseUint(second, 10, 64)
	return ms, seq, err == nil
}

// IsID reports whether text is an entry ID in the form in which Redis writes it.
func IsID(text string) bool {
	first, second, _ := strings.Cut(text, "-")
	_, _, ok := SplitID(text)
	return ok && plain(first) && plain(second)
}

// plain reports whether a number begins with no superfluous zero.
func plain(number string) bool { return number == "0" || number[0] != '0' }
