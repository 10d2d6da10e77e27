package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"iter"
)

// segmentReader reads a segment of the bucket from its beginning to its end, and finds
// out the facts.
type segmentReader struct {
	log  *Log
	ctx  context.Context
	name string
	facts
}

func (l *Log) readSegment(ctx context.Context, name string) *segmentReader {
	return &segmentReader{log: l, ctx: ctx, name: name}
}

// entries returns the entries, in their order. The facts are known only after the sequence
// has ended by itself; after a damageError, size and sum are known. An object that is not
// there is an error.
func (r *segmentReader) entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if err := r.read(yield); err != nil {
			yield(Entry{}, err)
		}
	}
}

// read returns nil if yield ended the sequence.
func (r *segmentReader) read(yield func(Entry, error) bool) error {
	object, err := r.log.bucket.NewReader(r.ctx, r.log.segmentPath(r.name), nil)
	if err != nil {
		return failed("reading", r.name, err)
	}
	defer object.Close()
	stored := &summer{r: object, sum: sha256.New()}
	text, err := unzip(stored)
	if err != nil {
		return failed("reading", r.name, err)
	}
	defer text.Close()
	lines := &counter{r: text}
	ended, err := r.decode(lines, yield)
	if ended {
		return nil
	}
	// The decompressor may have stopped before the end of the object.
	if _, failure := io.Copy(io.Discard, stored); failure != nil {
		return failed("reading", r.name, failure)
	}
	r.bytes, r.raw, r.sum = stored.n, lines.n, hex.EncodeToString(stored.sum.Sum(nil))
	if err != nil {
		return &damageError{fmt.Errorf("segment %s: %w", r.name, err)}
	}
	return nil
}

// decode returns true if yield ended the sequence.
func (r *segmentReader) decode(lines io.Reader, yield func(Entry, error) bool) (ended bool, err error) {
	for e, err := range decodeLines(lines) {
		if err == nil && r.count > 0 && CompareIDs(e.ID, r.last) <= 0 {
			err = fmt.Errorf("entry %s follows %s", e.ID, r.last)
		}
		if err != nil {
			return false, err
		}
		if r.count == 0 {
			r.first = e.ID
		}
		r.last = e.ID
		r.count++
		if !yield(e, nil) {
			return true, nil
		}
	}
	return false, nil
}

// damageError is the error of an object that was read and is no whole segment.
type damageError struct{ error }

func (e *damageError) Unwrap() error { return e.error }

// summer counts and sums what is read.
type summer struct {
	r   io.Reader
	n   int64
	sum hash.Hash
}

func (s *summer) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.sum.Write(p[:n])
	s.n += int64(n)
	return n, err
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
