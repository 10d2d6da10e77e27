package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"
)

// ErrMoved is the error of Log.Append if the chain has entries after the tail: another
// archiver wrote them.
var ErrMoved = errors.New("the chain has grown: another archiver writes to it")

// Note is what a manifest entry says besides its segment: see Manifest.
type Note struct {
	Archiver string
	Added    *int64
	After    string // only for the first entry of a chain
	Before   *int64 // likewise
}

// Append writes a segment, which is not empty, and then its manifest entry, after the tail,
// which is the zero Manifest for an empty log. When it returns the entry, both are durable.
// After an error it may be repeated.
//
// If the bucket already has a segment that begins with the same entry, left by an archiver
// that was stopped before it wrote the manifest entry, that one is used, and the returned
// entry may end before or after seg. It returns ErrMoved if the tail is not the last entry.
func (l *Log) Append(ctx context.Context, tail Manifest, seg *Segment, note Note) (Manifest, error) {
	if err := seg.finish(); err != nil {
		return Manifest{}, err
	}
	if CompareIDs(seg.first, tail.Last) <= 0 {
		return Manifest{}, fmt.Errorf("the segment begins with entry %s, and the archive of %s ends with %s", seg.first, l.key, tail.Last)
	}
	m := Manifest{
		Number: tail.Number + 1, Previous: tail.sum, WrittenAt: time.Now().UTC().Truncate(time.Millisecond),
		Archiver: note.Archiver, After: note.After, Before: note.Before,
	}
	if there, err := l.has(ctx, m.Number); err != nil {
		return m, err
	} else if there {
		return l.taken(ctx, m.Number, seg)
	}
	stored, err := l.putSegment(ctx, seg)
	if err != nil {
		return m, err
	}
	m.describe(stored)
	m.total(tail)
	if stored.last == seg.last {
		m.Added = note.Added
	}
	if stored.sum != seg.sum {
		m.Before = nil // some of them may be in the segment
	}
	content, err := m.encode()
	if err != nil {
		return m, err
	}
	err = put(ctx, l.bucket, l.manifestPath(m.Number), manifestType, content)
	if errors.Is(err, errTaken) {
		return l.taken(ctx, m.Number, seg)
	}
	return m, err
}

// taken returns the manifest entry that has the number if it is of the segment: then the
// reply to an earlier attempt was lost, or another archiver was faster.
func (l *Log) taken(ctx context.Context, number int64, seg *Segment) (Manifest, error) {
	m, err := l.Manifest(ctx, number)
	if err == nil && m.Segment != segmentName(seg.first) {
		err = ErrMoved
	}
	return m, err
}

// putSegment writes the segment, or finds one with the same name, and returns the facts of
// the one that is there.
func (l *Log) putSegment(ctx context.Context, seg *Segment) (facts, error) {
	name := segmentName(seg.first)
	err := put(ctx, l.bucket, l.segmentPath(name), segmentType, seg.stored.Bytes())
	if err == nil {
		return seg.facts, nil
	}
	if !errors.Is(err, errTaken) {
		return facts{}, err
	}
	stored, err := l.adopt(ctx, name, seg)
	if err != nil {
		return stored, fmt.Errorf("%s has segment %s, which no manifest entry names and which can't be used (move it out of the bucket, and the archiver writes it again): %w", l.key, name, err)
	}
	return stored, nil
}

var errForeign = errors.New("its entries are not those of the stream")

// adoptTimeout is the longest time in which a segment is read and compared.
const adoptTimeout = 10 * time.Minute

// adopt reads a segment that no manifest entry names yet, and checks that it has the
// stream's entries: all of seg up to its end. It may have others, which clients have
// deleted from the stream since.
func (l *Log) adopt(ctx context.Context, name string, seg *Segment) (facts, error) {
	ours, stop := iter.Pull2(Decode(bytes.NewReader(seg.stored.Bytes())))
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, adoptTimeout)
	defer cancel()
	own, _, more := ours()
	r := l.readSegment(ctx, name)
	for e, err := range r.entries() {
		if err != nil {
			return r.facts, err
		}
		if more && own.ID == e.ID && slices.Equal(own.Fields, e.Fields) {
			own, _, more = ours()
		}
		if more && CompareIDs(own.ID, e.ID) <= 0 {
			return r.facts, errForeign
		}
	}
	if r.first != seg.first {
		return r.facts, errForeign
	}
	return r.facts, nil
}
