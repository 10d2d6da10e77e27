package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ingestion/internal/retry"
)

// maxPage bounds what is read from the stream at once.
const maxPage = 4 << 20

// run is the work of an archiver while it has the lease.
type run struct {
	*Archiver
	tail      Manifest
	committed string // the group's ID
	before    *int64 // see Position
	ledger    ledger
	rewound   bool // the stream ends before the archive does

	since time.Time // when the segment's first entry was read
	added *int64    // see Page, if the segment reaches the stream's end

	resumed bool // the end of the chain is known
}

// follow archives until ctx ends. It returns ErrMoved if another archiver writes to the
// chain; then it may be called again.
func (r *run) follow(ctx context.Context) error {
	if err := r.resume(ctx); err != nil {
		return err
	}
	for {
		end, err := r.read(ctx)
		if err != nil {
			return err
		}
		age := time.Since(r.since)
		switch {
		case r.segment.Count() > 0 && (r.segment.RawBytes() >= int64(r.opts.SegmentBytes) || age >= r.opts.SegmentAge):
			err = r.store(ctx)
		case r.segment.Count() > 0 && end:
			err = retry.Sleep(ctx, min(r.opts.Poll, r.opts.SegmentAge-age))
		case end:
			err = retry.Sleep(ctx, r.opts.Poll)
		}
		if err != nil {
			return err
		}
	}
}

// finish writes what was read.
func (r *run) finish(ctx context.Context) error {
	switch {
	case !r.resumed:
		return nil
	case r.segment.Count() > 0:
		return r.store(ctx)
	default:
		return r.commit(ctx)
	}
}

// resume finds the end of the chain, and sets the group there.
func (r *run) resume(ctx context.Context) error {
	r.resumed = false
	r.begin(Manifest{})
	var at Position
	if err := r.try(ctx, redis, func() (err error) {
		at, err = r.source.Position(ctx)
		return err
	}); err != nil {
		return err
	}
	var tail Manifest
	if err := r.try(ctx, bucket, func() (err error) {
		tail, err = r.log.Tail(ctx)
		if errors.Is(err, ErrEmpty) {
			return nil
		}
		return err
	}); err != nil {
		return err
	}
	r.begin(tail)
	r.committed, r.before, r.ledger = at.Group, at.Before, ledger{}
	if tail.Added != nil {
		r.ledger = ledger{known: true, added: *tail.Added}
	}
	r.compare(at)
	r.resumed = true
	return r.commit(ctx)
}

// begin makes the segment empty. What it will have comes after the tail.
func (r *run) begin(tail Manifest) {
	r.segment.Reset()
	r.tail, r.added = tail, nil
}

// through is the last ID that is archived.
func (r *run) through() string {
	if r.tail.Number == 0 {
		return beginning
	}
	return r.tail.Last
}

// compare warns of a group or a stream that is not where the archive ends.
func (r *run) compare(at Position) {
	warn := func(format string, args ...any) {
		r.failures.log.Warn("warning", "status", "error", "reason", fmt.Sprintf(format, args...))
	}
	r.noteRewind(at.Last)
	switch {
	case CompareIDs(at.Group, r.through()) > 0 && r.tail.Number == 0:
		warn("the archive is empty, and the group is at entry %s: the archive begins with the first entry that is still in the stream", at.Group)
	case CompareIDs(at.Group, r.through()) > 0:
		warn("the archive ends with entry %s, and the group is at %s: what was trimmed in between is missing in the archive", r.through(), at.Group)
	}
}

// noteRewind warns once if the stream ends before the archive does.
func (r *run) noteRewind(last string) {
	behind := last != "" && CompareIDs(last, r.through()) < 0
	if behind && !r.rewound {
		r.failures.log.Warn("warning", "status", "error", "reason", fmt.Sprintf(
			"the stream ends with entry %s, and the archive with %s: Redis lost entries, which the archive has; what is added with IDs up to %s is not archived", last, r.through(), r.through()))
	}
	r.rewound = behind
}

// read adds the stream's next entries to the segment. It returns true if there are no
// more.
func (r *run) read(ctx context.Context) (end bool, err error) {
	after := r.segment.last
	if r.segment.Count() == 0 {
		after = r.through()
	}
	var page Page
	if err := r.try(ctx, redis, func() (err error) {
		page, err = r.source.Read(ctx, after, min(maxPage, r.opts.SegmentBytes))
		return err
	}); err != nil {
		return false, err
	}
	if r.segment.Count() == 0 {
		r.since = time.Now()
	}
	before := r.segment.RawBytes()
	for i := range page.Entries {
		if err := r.segment.Add(&page.Entries[i]); err != nil {
			return false, fmt.Errorf("archiving %s: %w", r.log.Key(), err)
		}
	}
	r.added = nil
	if page.End {
		r.added = page.Added
		r.noteRewind(page.Last)
	}
	r.opts.Observer.Read(len(page.Entries), r.segment.RawBytes()-before)
	return page.End || len(page.Entries) == 0, nil
}

// store writes the segment and its manifest entry, and moves the group.
func (r *run) store(ctx context.Context) error {
	began := time.Now()
	note := Note{Archiver: r.opts.Name, Added: r.added}
	if r.tail.Number == 0 {
		note.After, note.Before = beginning, r.before
	}
	var m Manifest
	if err := r.try(ctx, bucket, func() (err error) {
		m, err = r.log.Append(ctx, r.tail, r.segment, note)
		return err
	}); err != nil {
		return err
	}
	r.report(m, time.Since(began))
	r.begin(m)
	return r.commit(ctx)
}

func (r *run) report(m Manifest, took time.Duration) {
	r.opts.Observer.Archived(m, took)
	r.failures.log.Info("archived", "status", "success", "number", m.Number, "entries", m.Count, "bytes", m.Bytes,
		"first", m.First, "last", m.Last, "ms", took.Milliseconds())
	if missing := r.ledger.add(&m); missing > 0 {
		r.failures.log.Error("warning", "status", "error", "reason",
			fmt.Sprintf("%d entries up to %s were deleted by other clients before they were archived", missing, m.Last))
	}
}

// commit sets the group to the end of the archive.
func (r *run) commit(ctx context.Context) error {
	if r.committed == r.through() {
		return nil
	}
	err := r.try(ctx, redis, func() error { return r.source.Commit(ctx, r.through()) })
	if err == nil {
		r.committed = r.through()
	}
	return err
}
