package main

import (
	"time"

	"ingestion/archive"
	"ingestion/internal/answer"
	"ingestion/streams"
)

// The JSON of archive, as docs/schema/ingestctl-archive-*.json say. What is unknown or
// absent is null.
type (
	archiveListJSON struct {
		Version    int            `json:"version"`
		Archive    string         `json:"archive"`
		Partitions []archivedJSON `json:"partitions"`
	}
	archivedJSON struct {
		Key          string             `json:"key"`
		Begins       *int64             `json:"begins"` // number of the first manifest entry
		Ends         *int64             `json:"ends"`
		Segments     int64              `json:"segments"`
		Entries      int64              `json:"entries"`
		Bytes        int64              `json:"bytes"`
		First        *string            `json:"first"`
		Last         *string            `json:"last"`
		WrittenAt    *string            `json:"writtenAt"`
		LastSegments []archive.Manifest `json:"lastSegments"`
	}
	archiveVerifyJSON struct {
		Version    int            `json:"version"`
		Archive    string         `json:"archive"`
		Sound      bool           `json:"sound"`
		Faults     int64          `json:"faults"`
		Partitions []verifiedJSON `json:"partitions"`
	}
	verifiedJSON struct {
		Key        string            `json:"key"`
		Begins     *int64            `json:"begins"`
		Ends       *int64            `json:"ends"`
		Gone       int64             `json:"gone"`
		Segments   int64             `json:"segments"`
		Entries    int64             `json:"entries"`
		Bytes      int64             `json:"bytes"`
		RawBytes   int64             `json:"rawBytes"`
		First      *string           `json:"first"`
		Last       *string           `json:"last"`
		FaultCount int64             `json:"faultCount"`
		Faults     []archive.Finding `json:"faults"`
		Notes      []archive.Finding `json:"notes"`
		Ledger     *archivedLedger   `json:"ledger"`
	}
	// archivedLedger compares what was archived, and what waits for it, with what was added.
	archivedLedger struct {
		Accounted *int64 `json:"accounted"`
		Waiting   int64  `json:"waiting"`
		Added     *int64 `json:"added"`
	}
	catLineJSON struct {
		Stream string  `json:"stream"`
		ID     string  `json:"id"`
		Fields [][]any `json:"fields"`
	}
)

// archivedOf says what there is of a partition.
func archivedOf(key string, e archive.Extent) archivedJSON {
	written := answer.Moment(e.Tail.WrittenAt)
	return archivedJSON{
		Key: key, Begins: &e.Begin.Number, Ends: &e.Tail.Number, First: &e.Begin.First, Last: &e.Tail.Last, WrittenAt: &written,
		Segments: e.Segments, Entries: e.Entries, Bytes: e.Bytes, LastSegments: []archive.Manifest{},
	}
}

func verifiedOf(r *archive.Report) verifiedJSON {
	v := verifiedJSON{
		Key: r.Key, Gone: r.Gone, Segments: r.Segments, Entries: r.Entries, Bytes: r.Bytes, RawBytes: r.RawBytes, FaultCount: r.FaultCount,
		Faults: append([]archive.Finding{}, r.Faults...), Notes: append([]archive.Finding{}, r.Notes...), First: answer.Text(r.First), Last: answer.Text(r.Tail.Last),
	}
	if r.Begins > 0 {
		v.Begins = &r.Begins
	}
	if r.Tail.Number > 0 {
		v.Ends = &r.Tail.Number
	}
	return v
}

func arrivedAt(id string) time.Time { return streams.ArrivalOf(id).UTC() }
