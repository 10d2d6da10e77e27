package letters

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"

	"ingestion/streams"
)

// Search is a bounded look at the letters that match, the newest first.
type Search struct {
	Filter *Filter
	Most   int // ends with so many letters that match
	Scan   int // ends after so many letters, matching or not
	// From is where another search has ended. nil: with the newest letter.
	From Through
}

// Searched is how far a search has looked.
type Searched struct {
	Matched, Seen int
	// Next is from where another search goes on; nil if nothing is left, apart from what could not be read.
	Next Through
	// Unread are the partitions that could not be read, or not to the end.
	Unread []Unread
}

// Unread is a partition that could not be read while others could.
type Unread struct {
	Key string
	Err error
}

// nothing is an ID before all others: that of a partition in which nothing is left.
const nothing = "0-0"

// greatest is an ID after all others.
const greatest = "18446744073709551615-18446744073709551615"

// Search calls visit with each letter that it finds. The error is nil as long as it could read a partition to the
// end, or ctx has not ended.
func (q *Queue) Search(ctx context.Context, s Search, visit func(*Letter)) (Searched, error) {
	var done Searched
	heads := q.heads(ctx, s.Filter, s.From)
	defer func() {
		for _, h := range heads {
			h.stop()
		}
	}()
	for _, h := range heads {
		done.advance(h, q)
	}
	for h := newest(heads); h != nil; h = newest(heads) {
		if done.Seen == s.Scan || done.Matched == s.Most {
			done.Next = next(heads)
			break
		}
		done.Seen++
		if s.Filter.matches(&h.letter.DeadLetter) {
			done.Matched++
			visit(&h.letter)
		}
		done.advance(h, q)
	}
	if err := ctx.Err(); err != nil && len(done.Unread) > 0 {
		return done, err
	}
	if len(done.Unread) == len(heads) {
		return done, done.Unread[0].Err
	}
	return done, nil
}

// advance goes on to the next letter of a partition. One that can't be read is left where it is.
func (s *Searched) advance(h *head, q *Queue) {
	if err := h.advance(); err != nil {
		h.failed, h.there = true, false
		s.Unread = append(s.Unread, Unread{q.parts[h.partition].Key(), err})
	}
}

// head is the newest letter of a partition that was not looked at.
type head struct {
	letter Letter // the last one, if there is none or it could not be read
	there  bool
	failed bool   // what is left could not be read
	from   string // if nothing could be read: the ID up to which that is so

	partition int
	prefix    string
	pull      func() (streams.DeadLetter, error, bool)
	stop      func()
}

func (q *Queue) heads(ctx context.Context, f *Filter, from Through) (heads []*head) {
	for p := range q.parts {
		h := &head{partition: p, prefix: q.prefix(p), from: greatest}
		if from != nil {
			h.from = from[p]
		}
		h.pull, h.stop = iter.Pull2(q.lettersOf(ctx, p, f, from, true))
		heads = append(heads, h)
	}
	return heads
}

func (h *head) advance() error {
	l, err, ok := h.pull()
	if ok && err == nil {
		h.letter = Letter{l, h.partition, h.prefix + l.ID}
	}
	h.there = ok
	return err
}

// rest is the ID up to which the partition was not looked at.
func (h *head) rest() string {
	switch {
	case h.there:
		return h.letter.ID
	case h.failed && h.letter.ID == "":
		return h.from
	case h.failed:
		return before(h.letter.ID)
	}
	return nothing
}

// numbersOf are those that an ID consists of.
func numbersOf(id string) (ms, seq uint64) {
	first, second, _ := strings.Cut(id, "-")
	ms, _ = strconv.ParseUint(first, 10, 64)
	seq, _ = strconv.ParseUint(second, 10, 64)
	return ms, seq
}

// before is the greatest ID that is less than another one.
func before(id string) string {
	ms, seq := numbersOf(id)
	if seq > 0 {
		return fmt.Sprintf("%d-%d", ms, seq-1)
	}
	if ms == 0 {
		return nothing
	}
	return fmt.Sprintf("%d-%d", ms-1, uint64(math.MaxUint64))
}

// newest returns the head with the newest letter; nil if no letter is left.
func newest(heads []*head) (found *head) {
	for _, h := range heads {
		if h.there && (found == nil || writtenAt(h.letter.ID) > writtenAt(found.letter.ID)) {
			found = h
		}
	}
	return found
}

func next(heads []*head) Through {
	next := make(Through, len(heads))
	for i, h := range heads {
		next[i] = h.rest()
	}
	return next
}

// Cursor returns a text for where a search has ended; "" if nothing is left.
func (q *Queue) Cursor(next Through) string { return strings.Join(next, ",") }

var errCursor = errors.New("it is not from where a search of this queue goes on")

// ParseCursor is the inverse of Cursor.
func (q *Queue) ParseCursor(text string) (Through, error) {
	if text == "" {
		return nil, nil
	}
	ids := strings.Split(text, ",")
	if len(ids) != len(q.parts) {
		return nil, errCursor
	}
	for i, id := range ids {
		known, ok := canonical(id)
		if !ok {
			return nil, errCursor
		}
		ids[i] = known
	}
	return ids, nil
}
