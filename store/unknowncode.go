package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// What becomes of a document that is refused with a code of unknown meaning.
// Such a code may speak of the record, as an unknown validator's does, or of the
// server: an index whose disk is full, a shard that moves. Only evidence about
// the record rejects it; without, it is put off, which costs nobody else
// anything.
//
//   - The document is sent again a few times; most troubles pass.
//   - Where nothing passes meanwhile, not even one that is known to be there, it
//     is the server: the call waits.
//   - Where many documents of a call are refused so for the first time, it is the
//     server too: the call waits for a while and puts them off, and no record
//     keeps a strike. While that goes on, later calls put theirs off at once, so
//     that the documents that are taken flow.
//   - Else it is put off. When it comes again it may get a strike: if enough time
//     has passed since the last one, new documents went in meanwhile, and, at this
//     moment, the server takes another document and then refuses
//     this one again.
//   - The last strike rejects it.

const (
	tooLargeReason = "the document is too large for MongoDB"

	// few documents refused alike may all be bad, and so may a tenth of a call.
	few = 3
	// quietTries is how often a document is sent before it is put off.
	quietTries = 3
)

// suspicion is an error of unknown meaning about a document; whole where it came
// for a message that held this document only.
type suspicion struct {
	item    int
	failure *Error
	whole   bool
}

// bisect narrows down which record makes the whole call fail; one that is too
// large is rejected when it is found alone.
func (c *call) bisect(seg segment, failure *Error) []segment {
	if len(seg.items) > 1 {
		return seg.halves()
	}
	c.reject(seg.items[0], Result{Reason: fmt.Sprintf("%s (code %d)", tooLargeReason, failure.Code)})
	return nil
}

// suspect plans what comes after a call's failure of unknown meaning: the same
// again, and in halves after some tries.
func (c *call) suspect(seg segment, failure *Error) {
	seg.tries++
	switch {
	case len(seg.items) == 1:
		c.doubt(suspicion{seg.items[0], failure, true})
	case seg.tries < c.store.opts.UnknownTries:
		c.note(failure)
		c.toSend = append(c.toSend, seg)
	default:
		c.note(failure)
		c.toSend = append(c.toSend, seg.halves()...)
	}
}

// doubt notes that a document was refused with a code of unknown meaning.
func (c *call) doubt(s suspicion) {
	it := &c.items[s.item]
	it.mayBeApplied = true
	if it.refusals++; it.refusals == 1 && c.store.doubts.isNew(it.doc.Record.ID) {
		c.newlyDoubted++
	}
	c.doubted = append(c.doubted, s)
}

// weigh decides about the documents in doubt at the end of a round.
func (c *call) weigh(ctx context.Context) {
	doubted := c.doubted
	c.doubted = nil
	if len(doubted) == 0 {
		return
	}
	if c.trouble != nil || ctx.Err() != nil {
		c.again(doubted)
		return
	}
	works, known := c.taken > 0, true
	if !works {
		works, known = c.store.takesOthers(ctx)
	}
	many := c.newlyDoubted > max(few, len(c.items)/10)
	tries := quietTries
	if many && !c.store.doubts.waitedLately(c.store.opts.Now()) || !known {
		tries = 2 * c.store.opts.UnknownTries
	}
	switch {
	case !works && (known || c.items[doubted[0].item].refusals < tries):
		c.note(doubted[0].failure)
		c.again(doubted)
	case c.items[doubted[0].item].refusals < tries:
		if many {
			c.note(doubted[0].failure)
		}
		c.hesitate = true
		c.again(doubted)
	case many || !known:
		c.store.doubts.acquit(c.store.opts.Now())
		c.putOff(doubted)
		c.store.trouble.givenUp()
	default:
		c.confirm(ctx, doubted)
	}
}

// again plans to send the documents in doubt once more.
func (c *call) again(doubted []suspicion) {
	var together []int
	for _, s := range doubted {
		if s.whole {
			c.toSend = append(c.toSend, segment{items: []int{s.item}})
		} else {
			together = append(together, s.item)
		}
	}
	if len(together) > 0 {
		c.toSend = append(c.toSend, segment{items: together})
	}
}

// confirm gives strikes to the documents that are due for one, and puts off what
// is not rejected by it.
func (c *call) confirm(ctx context.Context, doubted []suspicion) {
	s, now := c.store, c.store.opts.Now()
	var due, rest []suspicion
	for _, d := range doubted {
		if s.doubts.note(c.items[d.item].doc.Record.ID, now, c.inserted, s.inserted.Load()) {
			due = append(due, d)
		} else {
			rest = append(rest, d)
		}
	}
	c.putOff(rest)
	if len(due) == 0 {
		return
	}
	if works, _ := s.takesOthers(ctx); !works || !c.resend(ctx, due) {
		c.doubted = nil
		c.note(due[0].failure)
		c.again(c.stillOpen(due))
		return
	}
	struck := c.doubted
	c.doubted = nil
	for _, d := range struck {
		c.strike(d, now)
	}
}

// resend sends documents in doubt once more, right after another one has passed.
// What is refused again is in doubted then. It returns false where the server
// fails otherwise.
func (c *call) resend(ctx context.Context, due []suspicion) bool {
	planned := c.toSend
	c.toSend = nil
	c.again(due)
	parts := c.toSend
	c.toSend = planned
	for len(parts) > 0 {
		t := c.store.pace.current()
		part, rest := c.cut(parts[0], t)
		parts = parts[1:]
		if len(rest.items) > 0 {
			parts = slices.Insert(parts, 0, rest)
		}
		failure := c.sendMessage(ctx, part, t)
		switch {
		case failure == nil:
		case failure.Class == Presumed && len(part.items) == 1:
			c.doubt(suspicion{part.items[0], failure, true})
		default:
			return false
		}
	}
	return true
}

// stillOpen is what of the suspicions has neither a result nor a plan.
func (c *call) stillOpen(doubted []suspicion) []suspicion {
	return slices.DeleteFunc(doubted, func(s suspicion) bool {
		planned := slices.ContainsFunc(c.toSend, func(seg segment) bool { return slices.Contains(seg.items, s.item) })
		return c.results[s.item] != (Result{}) || planned || slices.Contains(c.toLookUp, s.item)
	})
}

// strike counts a confirmed refusal against the record.
func (c *call) strike(d suspicion, now time.Time) {
	s, id := c.store, c.items[d.item].doc.Record.ID
	n := s.doubts.strike(id, now, s.inserted.Load())
	s.trouble.doubted(Doubt{ID: id, Code: d.failure.Code, Strikes: n, Limit: s.opts.UnknownTries})
	if n < s.opts.UnknownTries {
		c.putOff([]suspicion{d})
		return
	}
	c.reject(d.item, Result{Keep: true,
		Reason: fmt.Sprintf("MongoDB refuses the document again and again while it takes others (code %d)", d.failure.Code)})
}

// putOff settles documents in doubt, and their twins, as postponed.
func (c *call) putOff(doubted []suspicion) {
	s := c.store
	for _, d := range doubted {
		s.doubts.note(c.items[d.item].doc.Record.ID, s.opts.Now(), c.inserted, s.inserted.Load())
		for i := d.item; i >= 0; i = c.items[i].twin {
			c.settle(i, Result{Postponed: true})
		}
	}
}
