package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path"

	"ingestion/internal/plural"
)

// VerifyOptions change what Verify does.
type VerifyOptions struct {
	// Quick compares the sizes of segments only, instead of reading them.
	Quick bool
	// Progress, unless nil, is called after each manifest entry.
	Progress func(r *Report)
}

// Verify reads the chain and its segments, and reports what is damaged or missing. Memory
// does not grow with the log. The error is that of a bucket that could not be read; the
// report is complete only without one. It may run while the log is written to.
//
// The chain alone can't tell that its last manifest entry was deleted or changed in what
// its segment does not contradict.
func (l *Log) Verify(ctx context.Context, opts VerifyOptions) (*Report, error) {
	v := &verifier{Report: Report{Key: l.key}, log: l, opts: opts}
	segments, stop := iter.Pull2(l.list(ctx, segmentFolder))
	defer stop()
	v.segments = segments
	for number, err := range l.numbers(ctx) {
		if err == nil {
			err = v.manifest(ctx, number)
		}
		if err != nil {
			return &v.Report, err
		}
	}
	if err := v.rest(ctx); err != nil {
		return &v.Report, err
	}
	return &v.Report, v.finish()
}

// verifier goes along the chain.
type verifier struct {
	Report
	log  *Log
	opts VerifyOptions

	number int64 // of the last manifest entry that was looked at
	before Manifest
	intact bool  // before is the entry of that number
	holes  int64 // manifest entries that are not there or can't be read, since the last one that can
	ledger ledger

	segments func() (string, error, bool) // the segments in the bucket, in their order
	listed   string                       // the next one of them
	more     bool                         // there is one
	started  bool
}

// rest looks at what was added to the chain since it was listed.
func (v *verifier) rest(ctx context.Context) error {
	for v.number > 0 {
		there, err := v.log.has(ctx, v.number+1)
		if !there || err != nil {
			return err
		}
		if err := v.manifest(ctx, v.number+1); err != nil {
			return err
		}
	}
	return nil
}

// manifest looks at a manifest entry that is in the bucket, and at its segment.
func (v *verifier) manifest(ctx context.Context, number int64) error {
	v.skipTo(number)
	m, ok, err := v.read(ctx, number)
	if err != nil {
		return err
	}
	v.number = number
	if !ok {
		v.hole()
		return nil
	}
	doubled := v.link(&m)
	if err := v.unnamed(m.Segment); err != nil {
		return err
	}
	v.holes = 0
	v.count(&m)
	if !doubled {
		if err := v.segment(ctx, &m); err != nil {
			return err
		}
	}
	v.before, v.intact, v.Tail = m, true, m
	if v.opts.Progress != nil {
		v.opts.Progress(&v.Report)
	}
	return nil
}

// skipTo reports the manifest entries between the last one and number. At the beginning
// of the chain they may have been deleted with their segments.
func (v *verifier) skipTo(number int64) {
	if v.number == 0 {
		v.holes, v.Gone = number-1, number-1
		return
	}
	if number > v.number+1 {
		missing := number - v.number - 1
		what := fmt.Sprintf("manifest entry %d is missing", v.number+1)
		if missing > 1 {
			what = fmt.Sprintf("manifest entries %d to %d are missing", v.number+1, number-1)
		}
		v.fault(ManifestMissing, &Manifest{Number: v.number + 1}, "%s", what)
		v.hole()
		v.holes += missing - 1
	}
}

// hole notes that nothing is known of a manifest entry.
func (v *verifier) hole() {
	v.intact = false
	v.holes++
	v.ledger = ledger{}
}

// read returns false for a manifest entry that says nothing that can be relied on.
func (v *verifier) read(ctx context.Context, number int64) (m Manifest, ok bool, err error) {
	content, err := get(ctx, v.log.bucket, v.log.manifestPath(number))
	if err != nil {
		return m, false, err
	}
	m, err = parseManifest(content)
	at := &Manifest{Number: number}
	switch {
	case err != nil:
		v.fault(ManifestChanged, at, "manifest entry %d was changed: %v", number, err)
		return m, false, nil
	case m.Number != number:
		v.fault(ManifestSwapped, at, "manifest entry %d is that of number %d", number, m.Number)
		return m, false, nil
	}
	return m, true, nil
}

// link compares an entry with the one before. It returns true if its segment was already
// read.
func (v *verifier) link(m *Manifest) (doubled bool) {
	if !v.intact && m.Number > 1 {
		return false
	}
	sums := *m
	sums.total(v.before)
	switch {
	case m.Previous != v.before.sum:
		v.fault(ManifestChanged, m, "manifest entry %d or %d was changed: the second one has another sum of the first", v.before.Number, m.Number)
	case sums != *m:
		v.fault(ManifestChanged, m, "manifest entry %d has totals that are not those of entry %d and its own numbers", m.Number, v.before.Number)
	}
	if CompareIDs(m.First, v.before.Last) <= 0 {
		v.fault(SegmentDoubled, m, "manifest entry %d begins with entry %s, and entry %d ends with %s", m.Number, m.First, v.before.Number, v.before.Last)
		return m.Segment == v.before.Segment
	}
	return false
}

// unnamed reports the segments before the named one. Those of manifest entries that are
// missing are reported with them.
func (v *verifier) unnamed(named string) error {
	if err := v.advance(); err != nil {
		return err
	}
	for v.more && path.Base(v.listed) < named {
		if err := v.stray(); err != nil {
			return err
		}
	}
	if v.more && path.Base(v.listed) == named {
		v.started = false
		return v.advance()
	}
	return nil
}

// advance makes sure that the next segment of the bucket is known.
func (v *verifier) advance() error {
	if v.started {
		return nil
	}
	v.started = true
	for {
		name, err, more := v.segments()
		if !more || err != nil {
			v.more = false
			return err
		}
		if _, ok := firstOf(path.Base(name)); ok {
			v.listed, v.more = name, true
			return nil
		}
	}
}

// stray passes over a segment that no manifest entry names.
func (v *verifier) stray() error {
	name := path.Base(v.listed)
	switch {
	case v.holes > 0:
		v.holes--
	default:
		v.fault(SegmentUnnamed, &Manifest{Number: v.number, Segment: name},
			"segment %s is in no manifest entry, and others follow it: it is a copy, or what a stopped archiver left; it can be deleted if all else is whole", name)
	}
	v.started = false
	return v.advance()
}

// finish looks at the segments behind the chain. One may be there: it was written, and
// its manifest entry was not, or not yet.
func (v *verifier) finish() error {
	if err := v.advance(); err != nil {
		return err
	}
	tail := &Manifest{Number: v.number}
	var names int64
	for v.more {
		names++
		tail.Segment = path.Base(v.listed)
		v.started = false
		if err := v.advance(); err != nil {
			return err
		}
	}
	if names -= v.holes; names == 1 {
		v.note(SegmentUnnamed, tail, "segment %s has no manifest entry yet: the archiver writes it, or will go on from there", tail.Segment)
	} else if names > 1 {
		v.fault(ManifestMissing, tail, "%s after manifest entry %d: the entries that name them are missing", plural.Of(names, "segment follows", "segments follow"), v.number)
	}
	if v.Gone > 0 {
		v.beginsLate()
	}
	v.Accounted = v.ledger.total()
	return nil
}

func (v *verifier) beginsLate() {
	if v.Begins == 0 {
		v.note(BeginsLate, &v.Tail, "no segment is left of %d: all were deleted", v.number)
		return
	}
	v.note(BeginsLate, &Manifest{Number: v.Begins}, "the archive begins at number %d, with entry %s; earlier ones are gone", v.Begins, v.First)
}

// segment looks at the segment of a manifest entry.
func (v *verifier) segment(ctx context.Context, m *Manifest) error {
	found, err := v.facts(ctx, m)
	var damage *damageError
	switch {
	case isGone(err) && v.Begins == 0:
		v.Gone++
		return nil
	case isGone(err):
		v.fault(SegmentMissing, m, "segment %s (manifest entry %d) is missing: %s from %s to %s", m.Segment, m.Number, plural.Of(m.Count, "entry", "entries"), m.First, m.Last)
		return nil
	case err != nil && !errors.As(err, &damage):
		return err
	}
	if v.Begins == 0 {
		v.Begins, v.First = m.Number, m.First
	}
	switch {
	case found.bytes < m.Bytes:
		v.fault(SegmentCut, m, "segment %s (manifest entry %d) is cut: %d of %d bytes are there", m.Segment, m.Number, found.bytes, m.Bytes)
	case found.bytes > m.Bytes || found.sum != m.SHA256:
		v.fault(SegmentChanged, m, "segment %s (manifest entry %d) was changed: its sum is another one", m.Segment, m.Number)
	case damage != nil:
		v.fault(SegmentChanged, m, "segment %s (manifest entry %d) has the right sum and can't be read: %v", m.Segment, m.Number, damage)
	case !m.describes(found):
		v.fault(ManifestChanged, m, "manifest entry %d says %s from %s to %s, and its segment has %d from %s to %s", m.Number,
			plural.Of(m.Count, "entry", "entries"), m.First, m.Last, found.count, found.first, found.last)
	default:
		v.Segments, v.Entries, v.Bytes, v.RawBytes = v.Segments+1, v.Entries+m.Count, v.Bytes+m.Bytes, v.RawBytes+m.RawBytes
	}
	return nil
}

// facts returns what is so of a segment; with Quick, that of its size.
func (v *verifier) facts(ctx context.Context, m *Manifest) (facts, error) {
	if v.opts.Quick {
		attributes, err := v.log.bucket.Attributes(ctx, v.log.segmentPath(m.Segment))
		if err != nil {
			return facts{}, failed("checking", m.Segment, err)
		}
		return facts{m.First, m.Last, m.Count, attributes.Size, m.RawBytes, m.SHA256}, nil
	}
	r := v.log.readSegment(ctx, m.Segment)
	for _, err := range r.entries() {
		if err != nil {
			return r.facts, err
		}
	}
	return r.facts, nil
}
