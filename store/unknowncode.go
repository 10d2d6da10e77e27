package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// This file decides about documents that MongoDB refuses with an error code of
// unknown meaning. The cause may be the record, as with a validator this package
// does not know, or the server: an index on a full disk, a shard that moves. Only
// evidence against the record rejects it. Without, it is postponed, so that no other
// record waits for it.
//
//   - The document is sent again a few times; most causes are transient.
//   - While the server accepts no document, not even one that is already stored, the
//     server is the cause: the insertion waits.
//   - If many documents of an insertion are refused for the first time, the server is
//     the cause as well: the insertion waits for a while, postpones them and clears
//     all strikes. As long as that lasts, later insertions postpone theirs at once, so
//     that the documents that are accepted keep flowing.
//   - Otherwise the document is postponed. When it comes again it gets a strike,
//     provided that StrikeInterval has passed since the last one, other documents were
//     inserted meanwhile, and the server now accepts another document and then refuses
//     this one again.
//   - The last strike rejects it.

// postponeAfter is how many refusals postpone a document.
const postponeAfter = 3

// refusal is an error with an unknown code about one document. alone means that it
// concerned a whole command, which held this document only.
type refusal struct {
	item    int
	failure *Error
	alone   bool
}

// retryUnknown plans the retry of a command that failed with an unknown code: as it
// was, and after some tries in halves.
func (in *insertion) retryUnknown(part segment, failure *Error) {
	part.tries++
	switch {
	case len(part.items) == 1:
		in.refuse(refusal{part.items[0], failure, true})
	case part.tries < in.store.opts.UnknownTries:
		in.fail(failure)
		in.toSend = append(in.toSend, part)
	default:
		in.fail(failure)
		in.toSend = append(in.toSend, part.halves()...)
	}
}

// refuse notes a refusal; decideRefusals acts on it at the end of the round.
func (in *insertion) refuse(r refusal) {
	it := &in.items[r.item]
	it.mayBeApplied = true
	if it.refused++; it.refused == 1 && in.store.evidence.isNew(it.doc.Record.ID) {
		in.newlyRefused++
	}
	in.refusals = append(in.refusals, r)
}

// decideRefusals decides about the documents refused in this round.
func (in *insertion) decideRefusals(ctx context.Context) {
	refusals := in.refusals
	in.refusals = nil
	if len(refusals) == 0 {
		return
	}
	if in.failure != nil || ctx.Err() != nil {
		in.resend(refusals)
		return
	}
	server := working
	if in.inserted == 0 {
		server = in.store.probe(ctx)
	}
	s, many := in.store, isMany(in.newlyRefused, len(in.items))
	tries := postponeAfter
	if many && !s.evidence.clearedRecently(s.opts.Now()) || server == unproven {
		tries = 2 * s.opts.UnknownTries
	}
	exhausted := in.items[refusals[0].item].refused >= tries
	switch {
	case server == failing, server == unproven && !exhausted:
		in.fail(refusals[0].failure)
		in.resend(refusals)
	case !exhausted:
		if many {
			in.fail(refusals[0].failure)
		}
		in.pause = true
		in.resend(refusals)
	case many, server == unproven:
		s.evidence.clear(s.opts.Now())
		in.postpone(refusals)
		s.notifier.abandoned()
	default:
		in.confirm(ctx, refusals)
	}
}

// resend plans to send the refused documents once more.
func (in *insertion) resend(refusals []refusal) {
	var together []int
	for _, r := range refusals {
		if r.alone {
			in.toSend = append(in.toSend, segment{items: []int{r.item}})
		} else {
			together = append(together, r.item)
		}
	}
	if len(together) > 0 {
		in.toSend = append(in.toSend, segment{items: together})
	}
}

// confirm gives a strike to each document that is due for one and is refused again
// right after another was accepted. Those that it does not reject are postponed.
func (in *insertion) confirm(ctx context.Context, refusals []refusal) {
	s, now := in.store, in.store.opts.Now()
	var due, rest []refusal
	for _, r := range refusals {
		if s.evidence.note(in.items[r.item].doc.Record.ID, now, in.insertedBefore, s.inserted.Load()) {
			due = append(due, r)
		} else {
			rest = append(rest, r)
		}
	}
	in.postpone(rest)
	if len(due) == 0 {
		return
	}
	if s.probe(ctx) != working || !in.sendDue(ctx, due) {
		in.refusals = nil
		in.fail(due[0].failure)
		in.resend(in.undecided(due))
		return
	}
	again := in.refusals
	in.refusals = nil
	for _, r := range again {
		in.strike(r, now)
	}
}

// sendDue sends documents that are due for a strike and leaves in in.refusals those
// that are refused again. It returns false if the server fails in another way.
func (in *insertion) sendDue(ctx context.Context, due []refusal) bool {
	planned := in.toSend
	in.toSend = nil
	in.resend(due)
	work := in.toSend
	in.toSend = planned
	for len(work) > 0 {
		l := in.store.pace.current()
		var part segment
		part, work = in.take(work, l)
		failure := in.sendPart(ctx, part, l)
		switch {
		case failure == nil:
		case failure.Class == UnknownCode && len(part.items) == 1:
			in.refuse(refusal{part.items[0], failure, true})
		default:
			return false
		}
	}
	return true
}

// undecided returns the refusals of documents that have neither a result nor a next
// step.
func (in *insertion) undecided(refusals []refusal) []refusal {
	return slices.DeleteFunc(refusals, func(r refusal) bool {
		planned := slices.ContainsFunc(in.toSend, func(seg segment) bool { return slices.Contains(seg.items, r.item) })
		return in.results[r.item] != (Result{}) || planned || slices.Contains(in.toLookUp, r.item)
	})
}

// strike counts a confirmed refusal against the document.
func (in *insertion) strike(r refusal, now time.Time) {
	s, id := in.store, in.items[r.item].doc.Record.ID
	n := s.evidence.strike(id, now, s.inserted.Load())
	s.notifier.strike(Strike{ID: id, Code: r.failure.Code, Count: n, Limit: s.opts.UnknownTries})
	if n < s.opts.UnknownTries {
		in.postpone([]refusal{r})
		return
	}
	in.reject(r.item, Result{Keep: true,
		Reason: fmt.Sprintf("MongoDB repeatedly refuses the document while it accepts others (code %d)", r.failure.Code)})
}

// postpone settles the refused documents and their twins as postponed.
func (in *insertion) postpone(refusals []refusal) {
	s := in.store
	for _, r := range refusals {
		s.evidence.note(in.items[r.item].doc.Record.ID, s.opts.Now(), in.insertedBefore, s.inserted.Load())
		for i := r.item; i >= 0; i = in.items[i].twin {
			in.settle(i, Result{Postponed: true})
		}
	}
}
