package archive_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"ingestion/archive"
)

// memoryStream is a stream, its archive group, and the lease.
type memoryStream struct {
	mu      sync.Mutex
	entries []archive.Entry // those that are not trimmed
	added   int64
	last    string
	group   string
	holder  string
	free    bool // the lease is nobody's: everybody may archive
	commits []string
}

func newStream() *memoryStream { return &memoryStream{last: "0-0", group: "0-0"} }

// add adds n entries, several per millisecond.
func (s *memoryStream) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.added++
		e := archive.Entry{ID: fmt.Sprintf("%d-%d", 1+s.added/3, s.added%3), Fields: []string{"data", fmt.Sprintf(`{"n":%d}`, s.added), "data", "\xff"}}
		s.entries = append(s.entries, e)
		s.last = e.ID
	}
}

// trim removes what the group has passed.
func (s *memoryStream) trim() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = slices.DeleteFunc(s.entries, func(e archive.Entry) bool { return archive.CompareIDs(e.ID, s.group) <= 0 })
}

// remove deletes an entry, as another client might.
func (s *memoryStream) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = slices.DeleteFunc(s.entries, func(e archive.Entry) bool { return e.ID == id })
}

func (s *memoryStream) state() (group, last string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.group, s.last
}

// lease is who has it.
func (s *memoryStream) lease() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holder
}

// commitCount is how often the group was moved.
func (s *memoryStream) commitCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.commits)
}

// view is the stream as one archiver sees it.
type view struct {
	*memoryStream
	name string
	// fault, unless nil, is asked before and after each call.
	fault func(call string) error
}

func (v *view) call(ctx context.Context, name string, do func() error) error {
	ask := func(when string) error {
		if v.fault == nil {
			return nil
		}
		return v.fault(when + " " + name)
	}
	if err := errors.Join(ctx.Err(), ask("before")); err != nil {
		return err
	}
	v.mu.Lock()
	err := do()
	v.mu.Unlock()
	return errors.Join(err, ask("after"))
}

func (v *view) Lease(ctx context.Context) (held bool, err error) {
	err = v.call(ctx, "lease", func() error {
		if v.holder == "" {
			v.holder = v.name
		}
		held = v.free || v.holder == v.name
		return nil
	})
	return held, err
}

func (v *view) Release(ctx context.Context) error {
	return v.call(ctx, "release", func() error {
		if v.holder == v.name {
			v.holder = ""
		}
		return nil
	})
}

func (v *view) Read(ctx context.Context, after string, maxBytes int) (page archive.Page, err error) {
	err = v.call(ctx, "read", func() error {
		at, found := slices.BinarySearchFunc(v.entries, after, func(e archive.Entry, id string) int { return archive.CompareIDs(e.ID, id) })
		if found {
			at++
		}
		n := 0
		for ; at < len(v.entries) && (n == 0 || n < maxBytes); at++ {
			page.Entries = append(page.Entries, v.entries[at])
			n += 20 + len(v.entries[at].Fields[1])
		}
		if page.Last = v.last; at == len(v.entries) {
			added := v.added
			page.End, page.Added = true, &added
		}
		return nil
	})
	return page, err
}

func (v *view) Commit(ctx context.Context, through string) error {
	return v.call(ctx, "commit", func() error {
		if !v.free && v.holder != v.name {
			return archive.ErrLeaseLost
		}
		v.group = through
		v.commits = append(v.commits, through)
		return nil
	})
}

func (v *view) Position(ctx context.Context) (at archive.Position, err error) {
	err = v.call(ctx, "position", func() error {
		before := v.added - int64(len(v.entries))
		at = archive.Position{Group: v.group, Last: v.last, Before: &before}
		return nil
	})
	return at, err
}
