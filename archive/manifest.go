package archive

import "time"

// Manifest is one entry of a log's chain: it describes one segment.
type Manifest struct {
	Number   int64  `json:"number"`   // from 1, without gaps
	Segment  string `json:"segment"`  // name of the segment, without its folder
	First    string `json:"first"`    // ID of the segment's first entry
	Last     string `json:"last"`     // ID of the segment's last entry
	Count    int64  `json:"count"`    // entries
	Bytes    int64  `json:"bytes"`    // size of the segment as stored
	RawBytes int64  `json:"rawBytes"` // the same, uncompressed
	SHA256   string `json:"sha256"`   // of the segment as stored, in hex
	Previous string `json:"previous"` // SHA-256 of the manifest entry before, as stored; empty for the first one

	WrittenAt time.Time `json:"writtenAt"`
	Archiver  string    `json:"archiver"` // who wrote this entry

	// Added is how many entries had been added to the stream when the segment was read,
	// if the segment reached the end of the stream; otherwise nil. Between two such
	// entries of a chain the difference is the sum of the counts, unless other clients
	// deleted entries, or Redis lost some.
	Added *int64 `json:"added,omitempty"`

	// After, in the first entry of a chain, is the ID after which the chain begins.
	After string `json:"after,omitempty"`
	// Before, in the first entry of a chain, is how many entries were added to the stream
	// and gone before the chain began; nil if unknown.
	Before *int64 `json:"before,omitempty"`
}
