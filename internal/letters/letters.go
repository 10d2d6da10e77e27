// Package letters is what operators do with the dead letters of a whole queue: find them
// by a filter, preview what a change would be, change them in steps, and export them. A
// change is bound to what its preview has seen.
package letters

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"ingestion/streams"
)

// Letter is a dead letter of one of a queue's partitions.
type Letter struct {
	streams.DeadLetter
	Partition int
	// Name is the ID, after "N:" if the queue has several partitions: IDs may repeat
	// across them.
	Name string
}

// Written returns when the letter was written, by the clock of Redis.
func (l *Letter) Written() time.Time { return time.UnixMilli(writtenAt(l.ID)).UTC() }

// writtenAt returns when a letter with this ID was written, in Unix ms.
func writtenAt(id string) int64 {
	ms, _, _ := strings.Cut(id, "-")
	n, _ := strconv.ParseInt(ms, 10, 64)
	return n
}

// Queue gives access to the dead letters of all partitions of a queue. It is safe for
// concurrent use.
type Queue struct{ parts []*streams.DeadLetters }

// Of returns the dead letters of a queue: one partition or more, or a list.
func Of(parts ...*streams.DeadLetters) *Queue { return &Queue{parts} }

// Partitions returns the number of partitions.
func (q *Queue) Partitions() int { return len(q.parts) }

// prefix is what tells the IDs of a partition apart.
func (q *Queue) prefix(partition int) string {
	if len(q.parts) == 1 {
		return ""
	}
	return strconv.Itoa(partition) + ":"
}

// canonical returns the ID as Redis writes it; false if it is none.
func canonical(id string) (string, bool) {
	ms, seq, _ := strings.Cut(id, "-")
	first, err := strconv.ParseUint(ms, 10, 64)
	second, err2 := strconv.ParseUint(seq, 10, 64)
	return fmt.Sprintf("%d-%d", first, second), err == nil && err2 == nil
}

// Names returns names as this package writes them, each once; an error if one of them can't
// be that of a dead letter.
func (q *Queue) Names(names []string) (unique []string, err error) {
	for _, name := range names {
		p, id, err := q.Parse(name)
		if err != nil {
			return nil, err
		}
		if name := q.prefix(p) + id; !slices.Contains(unique, name) {
			unique = append(unique, name)
		}
	}
	return unique, nil
}

// Parse returns the partition and the ID that a name stands for.
func (q *Queue) Parse(name string) (partition int, id string, err error) {
	for p := range q.parts {
		rest, ok := strings.CutPrefix(name, q.prefix(p))
		if id, isID := canonical(rest); ok && isID {
			return p, id, nil
		}
	}
	want := "for example 1795477478417-0"
	if n := len(q.parts); n > 1 {
		want = fmt.Sprintf("partition:ID, for example 1:1795477478417-0, since there are %d streams", n)
	}
	return 0, "", fmt.Errorf("invalid dead letter ID %q: want %s", name, want)
}

// Count returns the number of dead letters of all partitions.
func (q *Queue) Count(ctx context.Context) (total int64, err error) {
	total, unread := q.Kept(ctx)
	if len(unread) > 0 {
		return 0, unread[0].Err
	}
	return total, nil
}

// Kept returns the number of dead letters of the partitions that could be read, and the others.
func (q *Queue) Kept(ctx context.Context) (total int64, unread []Unread) {
	for _, part := range q.parts {
		n, err := part.Count(ctx)
		if err != nil {
			unread = append(unread, Unread{part.Key(), err})
		}
		total += n
	}
	return total, unread
}

// Get returns the letter with a name, false if there is none.
func (q *Queue) Get(ctx context.Context, name string) (Letter, bool, error) {
	p, id, err := q.Parse(name)
	if err != nil {
		return Letter{}, false, err
	}
	found, there, err := q.parts[p].Letter(ctx, id)
	return Letter{found, p, q.prefix(p) + id}, there, err
}

// Edit puts the letter with a name back on the queue with another body. It reports whether
// the letter was still there, and may be repeated after an error: see streams.DeadLetters.
func (q *Queue) Edit(ctx context.Context, name string, body []byte) (bool, error) {
	p, id, err := q.Parse(name)
	if err != nil {
		return false, err
	}
	return q.parts[p].Edit(ctx, id, body)
}

// Selected iterates over the letters that match, one partition after the other, and ends
// after the first error. through bounds them; nil stands for those that exist now.
func (q *Queue) Selected(ctx context.Context, f *Filter, through Through, newestFirst bool) iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		for p := range q.parts {
			for l, err := range q.selectedOf(ctx, p, f, through, newestFirst) {
				if !yield(l, err) || err != nil {
					return
				}
			}
		}
	}
}

func (q *Queue) selectedOf(ctx context.Context, p int, f *Filter, through Through, newestFirst bool) iter.Seq2[Letter, error] {
	if len(f.Names) > 0 {
		return q.named(ctx, p, f, newestFirst)
	}
	return q.matching(p, f, q.lettersOf(ctx, p, f, through, newestFirst))
}

// lettersOf are the letters of a partition that are old enough: what is younger is not read.
func (q *Queue) lettersOf(ctx context.Context, p int, f *Filter, through Through, newestFirst bool) iter.Seq2[streams.DeadLetter, error] {
	switch {
	case through != nil:
		return q.parts[p].LettersThrough(ctx, earlier(through[p], f.last()), newestFirst)
	case f.before != 0:
		return q.parts[p].LettersThrough(ctx, f.last(), newestFirst)
	}
	return q.parts[p].Letters(ctx, newestFirst)
}

// earlier returns the lesser one of two IDs; "" is less than all.
func earlier(a, b string) string {
	ms, seq := numbersOf(a)
	otherMs, otherSeq := numbersOf(b)
	if cmp.Or(cmp.Compare(ms, otherMs), cmp.Compare(seq, otherSeq)) > 0 {
		return b
	}
	return a
}

func (q *Queue) matching(p int, f *Filter, all iter.Seq2[streams.DeadLetter, error]) iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		for l, err := range all {
			if err == nil && !f.matches(&l) {
				continue
			}
			if !yield(Letter{l, p, q.prefix(p) + l.ID}, err) {
				return
			}
		}
	}
}

// named yields the letters of one partition that the filter names and that exist, in the
// order of the names.
func (q *Queue) named(ctx context.Context, p int, f *Filter, newestFirst bool) iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		names := slices.Clone(f.Names)
		if newestFirst {
			slices.Reverse(names)
		}
		seen := map[string]bool{}
		for _, name := range names {
			of, id, err := q.Parse(name)
			if err == nil && (of != p || seen[id]) {
				continue
			}
			seen[id] = true
			l, there, err := q.Get(ctx, name)
			if (there || err != nil) && !yield(l, err) {
				return
			}
		}
	}
}

// Newest iterates over the newest letters that match, at most limit of all partitions
// together, the newest first.
func (q *Queue) Newest(ctx context.Context, f *Filter, limit int64) iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		var found []Letter
		for p := range q.parts {
			n := int64(0)
			for l, err := range q.selectedOf(ctx, p, f, nil, true) {
				if err != nil {
					yield(Letter{}, err)
					return
				}
				found = append(found, l)
				if n++; n == limit {
					break
				}
			}
		}
		slices.SortStableFunc(found, func(a, b Letter) int { return cmp.Compare(writtenAt(b.ID), writtenAt(a.ID)) })
		for _, l := range found[:min(int64(len(found)), limit)] {
			if !yield(l, nil) {
				return
			}
		}
	}
}
