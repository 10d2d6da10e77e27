package store

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/record"
)

// insertion is one call of Insert: the documents without a result, and what to do
// next with each. It belongs to a single goroutine.
type insertion struct {
	store      *Store
	ingestedAt int64         // Unix ms, the same for all documents and attempts
	id         bson.ObjectID // likewise; see appendDocument
	items      []item
	results    []Result
	open       int // documents without a result
	buffers    *buffers

	toSend   []segment // for the next round
	toLookUp []int     // documents whose _id may exist

	insertedBefore uint64 // the store's count of insertions when this one began
	newlyRefused   int    // documents refused with an unknown code for the first time ever

	// Of the current round:
	failure  *Error    // the gravest one
	inserted int       // documents
	refusals []refusal // documents refused with an unknown code
	pause    bool      // before the next round, though nothing failed
}

// item is one document of an insertion.
type item struct {
	doc  *Document
	raw  []byte // its BSON
	twin int    // index of the next document with the same _id, -1 if there is none

	// mayBeApplied: an earlier attempt of this insertion may have inserted it.
	mayBeApplied bool
	// Once a unique index refused the document:
	found  verdict // what the server said
	index  string  // the index's fields, where the server names them
	misses int     // lookups that found no such _id
	// refused counts the refusals with an unknown code in this insertion.
	refused int
}

// segment is a part of the batch that succeeds or fails as a whole. tries counts
// its failures with an unknown code.
type segment struct {
	items []int
	tries int
}

// halves splits a segment of at least two documents.
func (seg segment) halves() []segment {
	half := len(seg.items) / 2
	return []segment{{seg.items[:half:half], seg.tries}, {seg.items[half:], seg.tries}}
}

const tooLargeReason = "the document is too large for MongoDB"

func newInsertion(s *Store, docs []Document) *insertion {
	b := bufferPool.Get().(*buffers)
	b.items = slices.Grow(b.items, len(docs))[:len(docs)]
	in := &insertion{
		store:          s,
		ingestedAt:     s.opts.Now().UnixMilli(),
		id:             bson.NewObjectID(),
		items:          b.items,
		results:        make([]Result, len(docs)),
		open:           len(docs),
		buffers:        b,
		insertedBefore: s.inserted.Load(),
	}
	in.encode(docs)
	if firsts := in.pairTwins(); len(firsts) > 0 {
		in.toSend = []segment{{items: firsts}}
	}
	return in
}

// encode writes all documents into one buffer.
func (in *insertion) encode(docs []Document) {
	size := 0
	for i := range docs {
		size += encodedSize(&docs[i])
	}
	buf := slices.Grow(in.buffers.documents, size)
	for i := range docs {
		from := len(buf)
		buf = appendDocument(buf, &docs[i], in.ingestedAt, in.id)
		in.items[i] = item{doc: &docs[i], raw: buf[from:len(buf):len(buf)], twin: -1}
	}
	in.buffers.documents = buf
}

// pairTwins links documents with the same _id and returns the first of each
// chain: only these are sent. It rejects documents above MongoDB's size limit.
func (in *insertion) pairTwins() []int {
	firsts := slices.Grow(in.buffers.firsts, len(in.items))
	last := in.buffers.last
	for i := range in.items {
		it := &in.items[i]
		if len(it.raw) > maxDocument {
			in.settle(i, Result{Outcome: record.Rejected, Reason: tooLargeReason})
			continue
		}
		if before, ok := last[it.doc.Record.ID]; ok {
			in.items[before].twin = i
		} else {
			firsts = append(firsts, i)
		}
		last[it.doc.Record.ID] = i
	}
	in.buffers.firsts = firsts
	return firsts
}

// run works in rounds until every document has a result.
func (in *insertion) run(ctx context.Context) error {
	backoff := in.store.backoff.Start()
	for {
		before := in.open
		failure := in.round(ctx)
		if in.open == 0 {
			return nil
		}
		if ctx.Err() != nil {
			return in.store.ended(ctx, failure)
		}
		if failure != nil && failure.Class == Configuration {
			return failure
		}
		if in.open < before {
			backoff.Reset()
			if failure == nil && !in.pause {
				continue
			}
		}
		if in.store.wait(ctx, backoff.Next(), failure) != nil {
			return in.store.ended(ctx, failure)
		}
	}
}

// round sends and looks up what is due. It returns what keeps the insertion from
// completing, or nil if a record is the cause rather than the server.
func (in *insertion) round(ctx context.Context) *Error {
	in.failure, in.inserted, in.pause = nil, 0, false
	if in.send(ctx) {
		in.lookUp(ctx)
	}
	in.decideRefusals(ctx)
	return in.failure
}

// fail keeps the gravest failure of the round.
func (in *insertion) fail(failure *Error) {
	if in.failure == nil || failure.Class == Configuration || failure.Class.Loud() && !in.failure.Class.Loud() {
		in.failure = failure
	}
}

// maxFailedCommands bounds the commands of one round that fail with an unknown
// code while none succeeds: the cause is then hardly a record.
const maxFailedCommands = 8

// send works through toSend, one command at a time. It returns false at the first
// failure that concerns the server rather than the command; the rest stays in
// toSend.
func (in *insertion) send(ctx context.Context) bool {
	work := in.toSend
	in.toSend = nil
	for failed := 0; len(work) > 0; {
		l := in.store.pace.current()
		var part segment
		part, work = in.take(work, l)
		failure := in.sendPart(ctx, part, l)
		switch {
		case failure == nil:
			failed = 0
		case failure.Class == TooLarge, failure.Class == UnknownIndex:
			work = slices.Insert(work, 0, in.bisect(part, failure)...)
		case failure.Class == UnknownCode && ctx.Err() == nil:
			in.retryUnknown(part, failure)
			if failed++; failed == maxFailedCommands {
				in.toSend = append(work, in.toSend...) // the others come first next time
				return true
			}
		default:
			in.fail(failure)
			in.toSend = append(append(in.toSend, part), work...)
			return false
		}
	}
	return true
}

// take splits off work what fits into one command within the limits.
func (in *insertion) take(work []segment, l limits) (part segment, rest []segment) {
	seg, n, size := work[0], 0, 0
	for n < len(seg.items) {
		size += len(in.items[seg.items[n]].raw)
		if n > 0 && (size > maxCommand || n == l.maxDocs) {
			break
		}
		n++
	}
	part = segment{seg.items[:n:n], seg.tries}
	if n == len(seg.items) {
		return part, work[1:]
	}
	work[0] = segment{seg.items[n:], seg.tries}
	return part, work
}

// bisect narrows down which record makes the whole command fail. A record that is
// too large is rejected once it fails alone.
func (in *insertion) bisect(part segment, failure *Error) []segment {
	if len(part.items) > 1 {
		return part.halves()
	}
	in.reject(part.items[0], Result{Reason: fmt.Sprintf("%s (code %d)", tooLargeReason, failure.Code)})
	return nil
}

// sendPart sends one insert command. A failure concerns all of its documents and
// settles none of them. After nil, each is settled or has its next step planned.
func (in *insertion) sendPart(ctx context.Context, part segment, l limits) *Error {
	docs := in.buffers.command[:0]
	for _, i := range part.items {
		docs = append(docs, in.items[i].raw)
	}
	in.buffers.command = docs
	reply, err := in.store.insert(ctx, docs, l)
	var v verdict
	switch {
	case err != nil:
		v = classifyCommand(err)
	case reply.writeConcern != nil:
		v = verdict{classifyWriteConcern(*reply.writeConcern), *reply.writeConcern}
	case !reply.consistent(len(docs)):
		v, err = verdict{class: Transient}, errMalformed
	default:
		in.store.pace.succeeded(l)
		in.settleReply(part, reply)
		return nil
	}
	if v.class == TimedOut && ctx.Err() == nil {
		in.store.pace.timedOut(l, len(docs))
	}
	if v.class.mayBeApplied() {
		for _, i := range part.items {
			in.items[i].mayBeApplied = true
		}
	}
	if v.class == UnknownIndex && len(part.items) == 1 {
		in.planLookUp(part.items[0], v, nil)
		in.store.notifier.recovered()
		return nil
	}
	return newError(v, err, l.timeout)
}

// buffers is the memory of one insertion. bufferPool keeps it for later ones.
type buffers struct {
	items     []item
	documents []byte // BSON of all documents
	firsts    []int
	last      map[string]int // by _id, while twins are paired
	command   [][]byte       // documents of one command
}

// bufferPool holds free buffers. They are free once Insert returns: nothing else
// keeps a reference to them.
var bufferPool = sync.Pool{New: func() any { return &buffers{last: map[string]int{}} }}

// Larger buffers than a batch of 10,000 ordinary records needs are not kept.
const (
	maxPooledItems = 16 << 10
	maxPooledBytes = 4 << 20
)

// release returns the buffers to the pool, without references to documents.
func (in *insertion) release() {
	b := in.buffers
	in.buffers, in.items = nil, nil
	if cap(b.items) > maxPooledItems || cap(b.documents) > maxPooledBytes {
		return
	}
	clear(b.items)
	clear(b.last)
	clear(b.command[:cap(b.command)])
	b.items, b.documents, b.firsts, b.command = b.items[:0], b.documents[:0], b.firsts[:0], b.command[:0]
	bufferPool.Put(b)
}
