package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sort"
)

// ErrDamaged is the error of Entries and Manifests if the chain is not as it was written.
var ErrDamaged = errors.New("the archive is damaged (ingestctl archive verify says where)")

// ErrGone is the error of Entries if a segment that it needs is not in the bucket, for
// example because a lifecycle rule deleted it.
var ErrGone = errors.New("the segment is not in the bucket")

// Begin returns the first manifest entry whose segment is still in the bucket, or ErrEmpty.
// It relies on lifecycle rules, which delete the oldest segments first.
func (l *Log) Begin(ctx context.Context) (Manifest, error) {
	return l.search(ctx, func(m Manifest) (bool, error) {
		return exists(ctx, l.bucket, l.segmentPath(m.Segment))
	})
}

// search returns the first manifest entry for which the predicate holds; it holds for all
// entries that follow one for which it holds. The error is ErrEmpty if there is none.
func (l *Log) search(ctx context.Context, holds func(Manifest) (bool, error)) (Manifest, error) {
	tail, err := l.Tail(ctx)
	if err != nil {
		return tail, err
	}
	low, err := l.lowest(ctx)
	if err != nil {
		return tail, err
	}
	var failed error
	n := sort.Search(int(tail.Number-low+1), func(i int) bool {
		if failed != nil {
			return true
		}
		m, err := l.Manifest(ctx, low+int64(i))
		var found bool
		if err == nil {
			found, err = holds(m)
		}
		failed = err
		return found
	})
	number := low + int64(n)
	switch {
	case failed != nil:
		return tail, failed
	case number > tail.Number:
		return tail, ErrEmpty
	default:
		return l.Manifest(ctx, number)
	}
}

// Manifests returns the manifest entries from a number on, in their order, to the end of
// the chain. It checks that each has the sum of the one before. The sequence ends with the
// first error.
func (l *Log) Manifests(ctx context.Context, from int64) iter.Seq2[Manifest, error] {
	return func(yield func(Manifest, error) bool) {
		var before Manifest
		for number := from; ; number++ {
			m, err := l.Manifest(ctx, number)
			if isGone(err) && number > from {
				var last bool
				if last, err = l.isLast(ctx, number-1); last {
					return
				}
				if err == nil { // written meanwhile
					number--
					continue
				}
			}
			if err == nil && number > from {
				err = m.follows(before)
			}
			if !yield(m, err) || err != nil {
				return
			}
			before = m
		}
	}
}

// follows checks that an entry is the next one of the chain.
func (m *Manifest) follows(before Manifest) error {
	switch {
	case m.Previous != before.sum:
		return fmt.Errorf("%w: manifest entry %d was changed: entry %d has another sum of it", ErrDamaged, before.Number, m.Number)
	case CompareIDs(m.First, before.Last) <= 0:
		return fmt.Errorf("%w: manifest entry %d begins with entry %s, and entry %d ends with %s", ErrDamaged, m.Number, m.First, before.Number, before.Last)
	}
	return nil
}

// Entries returns the entries whose IDs are at least from and at most to, in the order of
// their IDs. An empty ID is no limit; then it begins with the chain's first entry. The
// sequence ends with the first error: ErrGone for entries that are no longer there, which
// Begin avoids. It reads a segment as a stream: memory does not grow with the log. Segments that are
// read to their end are compared with their manifest entries. Entries may be kept.
func (l *Log) Entries(ctx context.Context, from, to string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		first, err := l.search(ctx, func(m Manifest) (bool, error) { return CompareIDs(m.Last, from) >= 0, nil })
		if errors.Is(err, ErrEmpty) {
			return
		}
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for m, err := range l.Manifests(ctx, first.Number) {
			if err == nil && to != "" && CompareIDs(m.First, to) > 0 {
				return
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if !l.segmentEntries(ctx, m, from, to, yield) {
				return
			}
		}
	}
}

// segmentEntries returns false to end the sequence.
func (l *Log) segmentEntries(ctx context.Context, m Manifest, from, to string, yield func(Entry, error) bool) bool {
	r := l.readSegment(ctx, m.Segment)
	for e, err := range r.entries() {
		switch {
		case isGone(err):
			yield(e, fmt.Errorf("%w: entries %s to %s of %s (manifest entry %d)", ErrGone, m.First, m.Last, l.key, m.Number))
			return false
		case err != nil:
			yield(e, err)
			return false
		case CompareIDs(e.ID, from) < 0:
			continue
		case to != "" && CompareIDs(e.ID, to) > 0:
			return false
		}
		if !yield(e, nil) {
			return false
		}
	}
	if !m.describes(r.facts) {
		yield(Entry{}, fmt.Errorf("%w: segment %s of %s is not as manifest entry %d says", ErrDamaged, m.Segment, l.key, m.Number))
		return false
	}
	return true
}
