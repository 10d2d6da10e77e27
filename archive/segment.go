package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// window is how far back the compressor looks for repetitions: it takes a few times as
// much memory.
const window = 1 << 20

// Segment collects entries in the form in which they are stored. It is used by one
// goroutine at a time. Reset makes it empty, so that its memory serves again.
type Segment struct {
	zip      *zstd.Encoder
	stored   bytes.Buffer
	line     []byte
	finished bool
	facts
}

// facts are what a manifest entry says of the segment itself.
type facts struct {
	first, last       string
	count, bytes, raw int64
	sum               string
}

// NewSegment returns an empty segment.
func NewSegment() *Segment {
	s := &Segment{}
	zip, err := zstd.NewWriter(&s.stored, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window))
	if err != nil {
		panic(err) // only for options that contradict each other
	}
	s.zip = zip
	return s
}

// Add appends an entry, whose ID must be after that of the entry before.
func (s *Segment) Add(e *Entry) error {
	switch {
	case s.finished:
		return fmt.Errorf("the segment of %s to %s is finished", s.first, s.last)
	case !IsID(e.ID):
		return fmt.Errorf("%q is no entry ID", e.ID)
	case CompareIDs(e.ID, s.last) <= 0:
		return fmt.Errorf("entry %s is not after %s", e.ID, s.last)
	}
	s.line = appendLine(s.line[:0], e)
	if _, err := s.zip.Write(s.line); err != nil {
		return fmt.Errorf("compressing: %w", err)
	}
	if s.count == 0 {
		s.first = e.ID
	}
	s.last = e.ID
	s.count++
	s.raw += int64(len(s.line))
	return nil
}

// Count returns the number of entries.
func (s *Segment) Count() int64 { return s.count }

// RawBytes returns the size of the entries' lines before they are compressed.
func (s *Segment) RawBytes() int64 { return s.raw }

// Reset makes the segment empty.
func (s *Segment) Reset() {
	s.stored.Reset()
	s.zip.Reset(&s.stored)
	s.facts, s.finished = facts{}, false
}

// finish ends the compressed data. Nothing can be added afterwards.
func (s *Segment) finish() error {
	if s.finished {
		return nil
	}
	if err := s.zip.Close(); err != nil {
		return fmt.Errorf("compressing: %w", err)
	}
	sum := sha256.Sum256(s.stored.Bytes())
	s.bytes, s.sum, s.finished = int64(s.stored.Len()), hex.EncodeToString(sum[:]), true
	return nil
}
