package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Manifest is one entry of a log's chain: it describes one segment. Only entries that a
// Log returned have what the next one needs.
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

	// TotalCount and TotalBytes are the sums of Count and Bytes from the first entry of the
	// chain to this one.
	TotalCount int64 `json:"totalCount"`
	TotalBytes int64 `json:"totalBytes"`

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

	sum string // SHA-256 of this entry as stored
}

// encode returns the entry as it is stored, and notes its sum.
func (m *Manifest) encode() ([]byte, error) {
	content, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("manifest entry %d: %w", m.Number, err)
	}
	content = append(content, '\n')
	m.sum = hexSum(content)
	return content, nil
}

func parseManifest(content []byte) (m Manifest, err error) {
	if err := json.Unmarshal(content, &m); err != nil {
		return m, fmt.Errorf("it can't be read: %w", err)
	}
	m.sum = hexSum(content)
	if !IsID(m.First) || !IsID(m.Last) || m.Count < 1 || m.Segment != segmentName(m.First) {
		return m, errors.New("it describes no segment")
	}
	return m, nil
}

func hexSum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// describe takes over what is to be said of a segment.
func (m *Manifest) describe(f facts) {
	m.Segment, m.First, m.Last = segmentName(f.first), f.first, f.last
	m.Count, m.Bytes, m.RawBytes, m.SHA256 = f.count, f.bytes, f.raw, f.sum
}

// total adds up what the chain has with this entry, after the one before.
func (m *Manifest) total(before Manifest) {
	m.TotalCount, m.TotalBytes = before.TotalCount+m.Count, before.TotalBytes+m.Bytes
}

// describes reports whether the entry says of its segment what is so.
func (m *Manifest) describes(f facts) bool {
	same := *m
	same.describe(f)
	return same.Segment == m.Segment && same.First == m.First && same.Last == m.Last && same.Count == m.Count &&
		same.Bytes == m.Bytes && same.RawBytes == m.RawBytes && same.SHA256 == m.SHA256
}
