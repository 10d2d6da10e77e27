package archive

import "fmt"

// Kind is what a Finding is about.
type Kind string

// The kinds of findings.
const (
	SegmentMissing  Kind = "segment-missing"  // it is not in the bucket
	SegmentCut      Kind = "segment-cut"      // its end is not in the bucket
	SegmentChanged  Kind = "segment-changed"  // it is not what was written
	SegmentDoubled  Kind = "segment-doubled"  // its entries are in another one too
	SegmentUnnamed  Kind = "segment-unnamed"  // no manifest entry names it
	ManifestMissing Kind = "manifest-missing" // it is not in the bucket
	ManifestChanged Kind = "manifest-changed" // it is not what was written
	ManifestSwapped Kind = "manifest-swapped" // it is the one of another number
	EntriesMissing  Kind = "entries-missing"  // they were added to the stream, and are not in the archive
	EntriesLost     Kind = "entries-lost"     // they are in the archive, and Redis lost them
	BeginsLate      Kind = "begins-late"      // what comes before was deleted from the bucket
)

// Finding is something that Verify found.
type Finding struct {
	Kind    Kind   `json:"kind"`
	Number  int64  `json:"number"`            // of the manifest entry
	Segment string `json:"segment,omitempty"` // name of the segment
	Text    string `json:"text"`
}

// maxFindings bounds a report. There may be as many faults as segments.
const maxFindings = 1000

// Report is what Verify found out about a log.
type Report struct {
	Key  string
	Tail Manifest // zero for an empty log

	// Begins is the number of the first manifest entry whose segment is in the bucket, or 0
	// if there is none. Gone of those before were deleted, from the oldest on, as lifecycle
	// rules do, or their segments were.
	Begins, Gone int64
	First        string // ID of the first entry that is there; empty if there is none

	// These count what was found whole.
	Segments, Entries, Bytes, RawBytes int64

	Faults []Finding // damage; at most 1,000 of FaultCount
	Notes  []Finding // what is no damage, at most 1,000

	FaultCount int64

	// Accounted is how many entries had been added to the stream up to the tail, as far as
	// the chain knows: nil if it does not. What was added since must be in the stream.
	Accounted *int64
}

func (r *Report) fault(kind Kind, m *Manifest, format string, args ...any) {
	r.FaultCount++
	r.Faults = keep(r.Faults, kind, m, fmt.Sprintf(format, args...))
}

func (r *Report) note(kind Kind, m *Manifest, format string, args ...any) {
	r.Notes = keep(r.Notes, kind, m, fmt.Sprintf(format, args...))
}

func keep(list []Finding, kind Kind, m *Manifest, text string) []Finding {
	if len(list) >= maxFindings {
		return list
	}
	return append(list, Finding{Kind: kind, Number: m.Number, Segment: m.Segment, Text: text})
}
