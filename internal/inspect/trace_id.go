package inspect

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"

	"ingestion/streams"
)

var (
	entryIDs    = regexp.MustCompile(`^[0-9]{1,20}-[0-9]{1,20}$`)
	documentIDs = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// IsEntryID reports whether text has the form of an entry's or dead letter's ID: two numbers
// of 64 bits.
func IsEntryID(text string) bool {
	if !entryIDs.MatchString(text) {
		return false
	}
	ms, seq, _ := strings.Cut(text, "-")
	_, msErr := strconv.ParseUint(ms, 10, 64)
	_, seqErr := strconv.ParseUint(seq, 10, 64)
	return msErr == nil && seqErr == nil
}

// IsDocumentID reports whether text has the form of a document's _id.
func IsDocumentID(text string) bool { return documentIDs.MatchString(text) }

// compareIDs orders entry IDs by age. An empty ID is the least.
func compareIDs(a, b string) int {
	aMs, aSeq := splitEntryID(a)
	bMs, bSeq := splitEntryID(b)
	return cmp.Or(cmp.Compare(aMs, bMs), cmp.Compare(aSeq, bSeq))
}

func splitEntryID(id string) (ms, seq uint64) {
	first, second, _ := strings.Cut(id, "-")
	ms, _ = strconv.ParseUint(first, 10, 64)
	seq, _ = strconv.ParseUint(second, 10, 64)
	return ms, seq
}

// arrivalOf is when an entry arrived, in UTC; the zero time without an ID.
func arrivalOf(id string) time.Time {
	if id == "" {
		return time.Time{}
	}
	return streams.ArrivalOf(id).UTC()
}

// idAt is the first ID of a millisecond.
func idAt(ms int64) string { return strconv.FormatInt(ms, 10) }
