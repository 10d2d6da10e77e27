package fold

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"ingestion/archive"
)

// TrimmedError reports that entries are in neither the archive nor the stream.
type TrimmedError struct {
	Key     string // of the partition
	After   string // the last ID that was read, or was to be skipped
	Through string // the last ID that is gone
}

// Error says what is gone.
func (e *TrimmedError) Error() string {
	return fmt.Sprintf("%s: entries after %s through %s were trimmed before they were read, and no archive has them: begin again with --restart, or keep entries for longer", e.Key, e.After, e.Through)
}

// Stream reads the stream of one partition.
type Stream interface {
	// Read returns entries after one ID and through another, in order, at least one if
	// there is one, and in the same atomic step the last ID that was trimmed, "0-0" if
	// none was.
	Read(ctx context.Context, after, through string) (entries []archive.Entry, trimmed string, err error)
}

// partition returns the entries of one partition in order: those in the archive, and then
// those on the stream. An entry that is archived meanwhile and trimmed from the stream is
// read from the archive.
type partition struct {
	key    string
	log    *archive.Log // nil: there is no archive
	stream Stream
	at     string // the last ID that was returned, or skipped
	end    string // the last ID to be returned

	// reading is the context in which the archive is read: that of the fold, since what is
	// begun in one call of next is continued in others.
	reading  context.Context
	page     []archive.Entry // read from the stream, not yet returned
	looked   bool            // into the archive
	archived func() (archive.Entry, error, bool)
	close    func()
	through  string // the last ID that archived returns
}

// next returns the next entry, or false after the last one. After an error it may be
// called again, and goes on where it was.
func (p *partition) next(ctx context.Context) (e archive.Entry, ok bool, err error) {
	for archive.CompareIDs(p.at, p.end) < 0 {
		switch {
		case len(p.page) > 0:
			e, p.page = p.page[0], p.page[1:]
			p.at = e.ID
			return e, true, nil
		case p.archived != nil:
			if e, ok, err = p.nextArchived(); ok || err != nil {
				return e, ok, err
			}
		default:
			if err := p.fill(ctx); err != nil {
				return e, false, err
			}
		}
	}
	p.stop()
	return e, false, nil
}

func (p *partition) nextArchived() (e archive.Entry, ok bool, err error) {
	e, err, ok = p.archived()
	if !ok {
		p.at = p.through
	}
	if !ok || err != nil {
		p.stop()
		p.looked = false // the archive may have more by now
		return e, false, err
	}
	p.at = e.ID
	return e, true, nil
}

// stop ends reading the archive.
func (p *partition) stop() {
	if p.archived != nil {
		p.close()
	}
	p.archived, p.close = nil, nil
}

// fill reads on: from the archive as far as that reaches, and then from the stream, unless
// that has lost entries after p.at to trimming.
func (p *partition) fill(ctx context.Context) error {
	if !p.looked {
		opened, err := p.openArchive(ctx)
		p.looked = err == nil
		if opened || err != nil {
			return err
		}
	}
	entries, trimmed, err := p.stream.Read(ctx, p.at, p.end)
	if err != nil {
		return err
	}
	if archive.CompareIDs(trimmed, p.at) > 0 {
		return p.recover(ctx, earlier(trimmed, p.end))
	}
	if len(entries) > 0 {
		p.page = entries
		return nil
	}
	opened, err := p.openArchive(ctx) // has what was archived and trimmed meanwhile
	if err == nil && !opened {
		p.at = p.end
	}
	return err
}

// recover reads the archive for entries that are gone from the stream.
func (p *partition) recover(ctx context.Context, gone string) error {
	opened, err := p.openArchive(ctx)
	if err == nil && (!opened || archive.CompareIDs(p.through, gone) < 0) {
		p.stop()
		err = &TrimmedError{Key: p.key, After: p.at, Through: gone}
	}
	return err
}

// openArchive begins to read the archive, if that has what comes next.
func (p *partition) openArchive(ctx context.Context) (opened bool, err error) {
	if p.log == nil {
		return false, nil
	}
	tail, begin, err := chain(ctx, p.log)
	switch {
	case errors.Is(err, archive.ErrEmpty):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reading the archive of %s: %w", p.key, err)
	case archive.CompareIDs(begin, p.at) > 0 || archive.CompareIDs(p.at, tail) >= 0:
		return false, nil
	}
	p.through = earlier(tail, p.end)
	p.archived, p.close = iter.Pull2(p.log.Entries(p.reading, following(p.at), p.through))
	return true, nil
}
