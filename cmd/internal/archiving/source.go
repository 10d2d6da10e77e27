package archiving

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"ingestion/archive"
	"ingestion/streams"
)

// source is one partition of the stream as package archive wants it.
type source struct {
	*streams.Archive
	log     *slog.Logger
	reading chan struct{} // limits how many partitions are read at the same time

	mu    sync.Mutex
	other string    // who had the lease when it was last refused
	moved time.Time // when the archiver last did anything but renew its lease

	// The last failure since which nothing was read: while something fails, nothing is.
	failing string // the server
	err     error
	since   time.Time
}

// Lease takes or renews the lease, and says who else has it. Then it makes sure that there is
// a group: without one, after the stream or the group was deleted, entries would be trimmed
// before they are archived.
func (s *source) Lease(ctx context.Context) (bool, error) {
	held, other, err := s.Archive.Lease(ctx)
	if err == nil && held {
		_, err = s.Archive.Position(ctx)
	}
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !held {
		s.moved = time.Now()
		if other != s.other {
			s.log.Info("archiver_waiting", "status", "success", "other", other, "reason", "another archiver has the lease of the partition: this one takes over when it ends")
		}
	}
	s.other = other
	return held, nil
}

// Read reads as soon as fewer than maxReading partitions are read.
func (s *source) Read(ctx context.Context, after string, maxBytes int) (archive.Page, error) {
	s.noteMove()
	select {
	case s.reading <- struct{}{}:
		defer func() { <-s.reading }()
	case <-ctx.Done():
		return archive.Page{}, ctx.Err()
	}
	page, err := s.Archive.Read(ctx, after, maxBytes)
	if err != nil {
		return archive.Page{}, err
	}
	entries := make([]archive.Entry, len(page.Entries))
	for i, e := range page.Entries {
		entries[i] = archive.Entry(e)
	}
	return archive.Page{Entries: entries, End: page.End, Added: known(page.End, page.Added), Last: page.Last}, nil
}

// Commit moves the group.
func (s *source) Commit(ctx context.Context, through string) error {
	s.noteMove()
	err := s.Archive.Commit(ctx, through)
	if errors.Is(err, streams.ErrArchiveLease) {
		return errors.Join(archive.ErrLeaseLost, err)
	}
	return err
}

// Position tells where the group and the stream are.
func (s *source) Position(ctx context.Context) (archive.Position, error) {
	s.noteMove()
	p, err := s.Archive.Position(ctx)
	return archive.Position{Group: p.Archived, Last: p.Last, Before: known(p.Added >= 0, p.Added-p.Length)}, err
}

func (s *source) noteMove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved = time.Now()
}

// still is how long nothing was done.
func (s *source) still() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.moved)
}

// noteFault notes a failure of a server, or that there is none.
func (s *source) noteFault(server string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.since = time.Now()
	}
	s.failing, s.err, s.moved = server, err, time.Now()
}

func (s *source) fault(server string) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil || s.failing != server {
		return time.Time{}, nil
	}
	return s.since, s.err
}

func known(is bool, n int64) *int64 {
	if !is || n < 0 {
		return nil
	}
	return &n
}
