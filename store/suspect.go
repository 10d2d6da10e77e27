package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const tooLargeReason = "the document is too large for MongoDB"

// bisect narrows down which record makes the whole call fail; one that is too
// large is rejected when it is found alone.
func (c *call) bisect(seg segment, failure *Error) []segment {
	if len(seg.items) > 1 {
		return seg.halves()
	}
	c.reject(seg.items[0], fmt.Sprintf("%s (code %d)", tooLargeReason, failure.Code))
	return nil
}

// suspect plans what comes after a call's failure of unknown meaning: the same
// again, in halves after some tries, and for a single document a strike.
func (c *call) suspect(ctx context.Context, seg segment, failure *Error) {
	seg.tries++
	switch {
	case len(seg.items) == 1:
		if !c.strike(ctx, seg.items[0], failure) {
			c.toSend = append(c.toSend, seg)
		}
	case seg.tries < c.store.opts.UnknownTries:
		c.note(failure)
		c.toSend = append(c.toSend, seg)
	default:
		c.note(failure)
		c.toSend = append(c.toSend, seg.halves()...)
	}
}

// strike counts an error of unknown meaning against document i, provided that
// others passed since the last one: without that it is no evidence against the
// record, but one more sign of trouble with the server. It returns true when
// the document is rejected for it.
func (c *call) strike(ctx context.Context, i int, failure *Error) bool {
	s, it := c.store, &c.items[i]
	it.mayBeApplied = true
	if s.passed.Load() == it.seen && !s.takesOthers(ctx) {
		c.note(failure)
		return false
	}
	it.seen = s.passed.Load()
	if it.strikes++; it.strikes < s.opts.UnknownTries {
		return false
	}
	c.reject(i, fmt.Sprintf("MongoDB refuses the document again and again while it takes others (code %d)", failure.Code))
	return true
}

// provenDocument is one that is in the collection.
type provenDocument struct {
	raw []byte
	at  time.Time
}

// provenFor is how long a document serves as proof. It is short, since sending
// it again would bring it back to life had somebody deleted it meanwhile.
const provenFor = time.Minute

// prove keeps a document that is in the collection now as a proof.
func (s *Store) prove(raw []byte) {
	if p := s.proven.Load(); p == nil || time.Since(p.at) > provenFor/10 {
		s.proven.Store(&provenDocument{raw: slices.Clone(raw), at: time.Now()})
	}
}

// takesOthers finds out whether the server does its work for other documents,
// by inserting once more one that is there: E11000 is the good answer.
func (s *Store) takesOthers(ctx context.Context) bool {
	p := s.proven.Load()
	if p == nil || time.Since(p.at) > provenFor {
		return false
	}
	reply, err := s.insert(ctx, [][]byte{p.raw}, s.pace.current())
	if err != nil || reply.writeConcern != nil || !reply.consistent(1) {
		return false
	}
	for _, e := range reply.writeErrors {
		switch classifyDocument(e.code, e.keyPattern) {
		case Duplicate, UnknownIndex:
		default:
			return false
		}
	}
	return true
}
