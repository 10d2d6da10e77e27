package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/record"
)

// call is one Insert: which of its documents are open, and what is to be done
// next with each. It belongs to a single goroutine.
type call struct {
	store      *Store
	ingestedAt int64         // Unix ms, the same for all documents and attempts
	id         bson.ObjectID // likewise; see appendDocument
	items      []item
	results    []Result
	open       int // documents without a result
	room       *room

	toSend   []segment // what goes out in the next round
	toLookUp []int     // documents that are there: whose are they?

	inserted     uint64 // the store's count of insertions at the beginning
	newlyDoubted int    // documents that no call had doubted before

	// Of the round under way:
	trouble  *Error
	taken    int         // documents that went in
	doubted  []suspicion // documents refused for reasons unknown
	hesitate bool        // pause before the next one, though nothing failed
}

// item is one document of a call.
type item struct {
	doc  *Document
	raw  []byte // its BSON
	twin int    // the next document with the same _id, -1 if there is none

	// mayBeApplied: an earlier attempt of this call may have inserted it.
	mayBeApplied bool
	// found is what the server said when it refused the document as a duplicate,
	// index names the fields of the index at fault where the server does, misses
	// counts the look-ups that found no such _id all the same.
	found  verdict
	index  string
	misses int
	// refusals counts errors of unknown meaning in this call.
	refusals int
}

// segment is a part of the batch that stands or falls together. tries counts
// its failures of presumed transience.
type segment struct {
	items []int
	tries int
}

func newCall(s *Store, docs []Document) *call {
	r := rooms.Get().(*room)
	r.items = slices.Grow(r.items, len(docs))[:len(docs)]
	c := &call{
		store:      s,
		ingestedAt: s.opts.Now().UnixMilli(),
		id:         bson.NewObjectID(),
		items:      r.items,
		results:    make([]Result, len(docs)),
		open:       len(docs),
		room:       r,
		inserted:   s.inserted.Load(),
	}
	c.encode(docs)
	if firsts := c.pairTwins(); len(firsts) > 0 {
		c.toSend = []segment{{items: firsts}}
	}
	return c
}

// encode writes all documents into one buffer.
func (c *call) encode(docs []Document) {
	size := 0
	for i := range docs {
		size += encodedSize(&docs[i])
	}
	buf := slices.Grow(c.room.documents, size)
	for i := range docs {
		from := len(buf)
		buf = appendDocument(buf, &docs[i], c.ingestedAt, c.id)
		c.items[i] = item{doc: &docs[i], raw: buf[from:len(buf):len(buf)], twin: -1}
	}
	c.room.documents = buf
}

// pairTwins chains documents with the same _id and returns the first of each
// chain: only these are sent. What MongoDB can't take at all is rejected here.
func (c *call) pairTwins() []int {
	firsts := slices.Grow(c.room.firsts, len(c.items))
	last := c.room.last
	for i := range c.items {
		it := &c.items[i]
		if len(it.raw) > maxDocument {
			c.settle(i, Result{Outcome: record.Rejected, Reason: tooLargeReason})
			continue
		}
		if before, ok := last[it.doc.Record.ID]; ok {
			c.items[before].twin = i
		} else {
			firsts = append(firsts, i)
		}
		last[it.doc.Record.ID] = i
	}
	c.room.firsts = firsts
	return firsts
}

// run works in rounds until nothing is open.
func (c *call) run(ctx context.Context) error {
	pause := c.store.newBackOff()
	for {
		before := c.open
		failure := c.round(ctx)
		if c.open == 0 {
			return nil
		}
		if ctx.Err() != nil {
			return c.store.ended(ctx, failure)
		}
		if failure != nil && failure.Class == Configuration {
			return failure
		}
		if c.open < before {
			pause.Reset()
			if failure == nil && !c.hesitate {
				continue
			}
		}
		if c.store.wait(ctx, pause.NextBackOff(), failure) != nil {
			return c.store.ended(ctx, failure)
		}
	}
}

// round sends what is to be sent and looks up what is to be looked up. It
// returns what keeps the call from being done, nil where a record is to blame
// rather than the server.
func (c *call) round(ctx context.Context) *Error {
	c.trouble, c.taken, c.hesitate = nil, 0, false
	if c.send(ctx) {
		c.lookUp(ctx)
	}
	c.weigh(ctx)
	return c.trouble
}

// note keeps the failure that weighs most in this round.
func (c *call) note(failure *Error) {
	if c.trouble == nil || failure.Class == Configuration || failure.Class.Loud() && !c.trouble.Class.Loud() {
		c.trouble = failure
	}
}

// ended is the error of a call that ctx ended.
func (s *Store) ended(ctx context.Context, last *Error) error {
	s.trouble.givenUp()
	if last == nil || last.Class == Cancelled {
		return ctx.Err()
	}
	return fmt.Errorf("%w (at last: %w)", ctx.Err(), last)
}

// settle gives document i its result.
func (c *call) settle(i int, r Result) {
	c.results[i] = r
	c.open--
}

// settleStored settles document i and all its twins by the document that is in
// the collection. inserted says that it is i's own, just written.
func (c *call) settleStored(i int, there stored, inserted bool) {
	c.store.doubts.forget(c.items[i].doc.Record.ID)
	own := inserted || c.owns(i, there)
	if inserted || own && c.items[i].mayBeApplied {
		c.store.inserted.Add(1)
	}
	c.settle(i, c.judge(i, there, own))
	for j := c.items[i].twin; j >= 0; j = c.items[j].twin {
		c.settle(j, c.judge(j, there, c.owns(j, there)))
	}
}

// asStored is document i as it is in the collection once it is inserted.
func (c *call) asStored(i int) stored {
	d := c.items[i].doc
	return stored{streamID: d.StreamID, name: d.Record.Name, insertID: c.id}
}

func (c *call) judge(i int, there stored, own bool) Result {
	if own {
		return Result{Outcome: record.Ingested}
	}
	return Result{Outcome: record.Duplicate, Conflict: there.name != c.items[i].doc.Record.Name}
}

// owns says whether what is stored was written for document i: by its stream
// ID, or without one, by an earlier attempt of this very call. Another name is
// another record's, whatever ID it bears.
func (c *call) owns(i int, there stored) bool {
	it := &c.items[i]
	if it.doc.StreamID != "" {
		return ownsByStreamID(it.doc, there)
	}
	return it.mayBeApplied && there.insertID == c.id && there.name == it.doc.Record.Name
}

// ownsByStreamID says whether what is stored was written for this entry.
func ownsByStreamID(d *Document, there stored) bool {
	return d.StreamID != "" && there.streamID == d.StreamID && there.name == d.Record.Name
}

// reject settles document i as rejected, for the reason in r. A twin from the
// same entry shares its lot; the next other twin is tried in its stead.
func (c *call) reject(i int, r Result) {
	r.Outcome = record.Rejected
	c.store.doubts.forget(c.items[i].doc.Record.ID)
	c.settle(i, r)
	id := c.items[i].doc.StreamID
	j := c.items[i].twin
	for ; j >= 0 && id != "" && c.items[j].doc.StreamID == id; j = c.items[j].twin {
		c.settle(j, r)
	}
	if j >= 0 {
		c.toSend = append(c.toSend, segment{items: []int{j}})
	}
}

// maxFruitless bounds the messages of one round that fail with an error of
// unknown meaning while none succeeds: then it is hardly a record's fault.
const maxFruitless = 8

// send works through what is to be sent, message by message. It stops at the
// first failure that concerns the server rather than the message, and returns
// false; what it did not come to stays to be sent.
func (c *call) send(ctx context.Context) bool {
	work := c.toSend
	c.toSend = nil
	for fruitless := 0; len(work) > 0; {
		tempo := c.store.pace.current()
		part, rest := c.cut(work[0], tempo)
		work = work[1:]
		if len(rest.items) > 0 {
			work = slices.Insert(work, 0, rest)
		}
		failure := c.sendMessage(ctx, part, tempo)
		switch {
		case failure == nil:
			fruitless = 0
		case failure.Class == TooLarge, failure.Class == UnknownIndex:
			work = slices.Insert(work, 0, c.bisect(part, failure)...)
		case failure.Class == Presumed && ctx.Err() == nil:
			c.suspect(part, failure)
			if fruitless++; fruitless == maxFruitless {
				c.toSend = append(work, c.toSend...) // the others come first next time
				return true
			}
		default:
			c.note(failure)
			c.toSend = append(append(c.toSend, part), work...)
			return false
		}
	}
	return true
}

// cut takes from seg what fits into one message at this tempo.
func (c *call) cut(seg segment, t tempo) (part, rest segment) {
	n, size := 0, 0
	for n < len(seg.items) {
		size += len(c.items[seg.items[n]].raw)
		if n > 0 && (size > maxMessage || n == t.maxDocs) {
			break
		}
		n++
	}
	return segment{seg.items[:n:n], seg.tries}, segment{seg.items[n:], seg.tries}
}

// halves splits a segment of at least two documents.
func (seg segment) halves() []segment {
	half := len(seg.items) / 2
	return []segment{{seg.items[:half:half], seg.tries}, {seg.items[half:], seg.tries}}
}

// sendMessage sends one insert and settles what its reply settles. A failure
// returned concerns all documents of the message, none of which is settled;
// on nil, those that stay open are planned for.
func (c *call) sendMessage(ctx context.Context, seg segment, t tempo) *Error {
	docs := c.room.message[:0]
	for _, i := range seg.items {
		docs = append(docs, c.items[i].raw)
	}
	c.room.message = docs
	reply, err := c.store.insert(ctx, docs, t)
	var v verdict
	switch {
	case err != nil:
		v = classifyCall(err)
	case reply.writeConcern != nil:
		v = verdict{classifyWriteConcern(*reply.writeConcern), *reply.writeConcern}
	case !reply.consistent(len(docs)):
		v, err = verdict{class: Transient}, errMalformed
	default:
		c.store.pace.succeeded(t)
		c.settleReply(seg, reply)
		return nil
	}
	if v.class == TimedOut && ctx.Err() == nil {
		c.store.pace.timedOut(t, len(docs))
	}
	c.rememberApplied(seg, v.class)
	if v.class == UnknownIndex && len(seg.items) == 1 {
		c.duplicate(seg.items[0], v, nil)
		c.store.recovered()
		return nil
	}
	return newError(v, err, t.timeout)
}

func (c *call) rememberApplied(seg segment, class Class) {
	if !class.mayBeApplied() {
		return
	}
	for _, i := range seg.items {
		c.items[i].mayBeApplied = true
	}
}

// settleReply settles a message by its reply, document by document.
func (c *call) settleReply(seg segment, reply insertReply) {
	refused := make([]bool, len(seg.items))
	for _, e := range reply.writeErrors {
		refused[e.index] = true
	}
	for k, i := range seg.items {
		if !refused[k] {
			c.settleStored(i, c.asStored(i), true)
		}
	}
	c.took(seg, refused, len(seg.items)-len(reply.writeErrors))
	var again []int
	troubled := 0
	for _, e := range reply.writeErrors {
		i := seg.items[e.index]
		switch c.settleWriteError(i, e) {
		case repeat:
			again = append(again, i)
			troubled++
		case inDoubt:
			troubled++
		}
	}
	if len(again) > 0 {
		c.toSend = append(c.toSend, segment{items: again})
	}
	if troubled < len(seg.items) && troubled <= max(few, len(seg.items)/10) {
		c.store.recovered()
	}
}

// took counts the documents that went in and keeps one of them as a proof.
func (c *call) took(seg segment, refused []bool, n int) {
	if n == 0 {
		return
	}
	c.taken += n
	first := &c.items[seg.items[slices.Index(refused, false)]]
	c.store.prove(first.doc.Record.ID, first.raw)
}

// plan is what comes after a write error.
type plan int

const (
	decided plan = iota // settled, or to be looked up
	repeat
	inDoubt
)

// settleWriteError acts on what the server says against document i.
func (c *call) settleWriteError(i int, e writeError) plan {
	v := verdict{classifyDocument(e.code, e.keyPattern), e.code}
	if v.class == Configuration && c.store.inserted.Load() > 0 {
		v.class = Presumed // it has worked: this speaks of the document, or of a shard
	}
	switch v.class {
	case Duplicate, OtherIndex, UnknownIndex:
		c.duplicate(i, v, e.keyPattern)
		return decided
	case Refused:
		c.reject(i, Result{Reason: fmt.Sprintf("MongoDB refuses the document (code %d)", e.code)})
		return decided
	case Presumed:
		c.doubt(suspicion{i, newError(v, nil, 0), false})
		return inDoubt
	}
	if v.class.mayBeApplied() {
		c.items[i].mayBeApplied = true
	}
	c.note(newError(v, nil, 0))
	return repeat
}

// duplicate plans the look-up of a document that a unique index refuses.
func (c *call) duplicate(i int, v verdict, keyPattern bson.Raw) {
	it := &c.items[i]
	it.found, it.index = v, indexFields(keyPattern)
	c.toLookUp = append(c.toLookUp, i)
}

// indexFields lists the fields of an index, which are no one's data.
func indexFields(keyPattern bson.Raw) string {
	elements, err := keyPattern.Elements()
	if err != nil {
		return ""
	}
	names := make([]string, len(elements))
	for k, e := range elements {
		names[k] = e.Key()
	}
	return strings.Join(names, ", ")
}

// room is the memory of one call, used again by later ones.
type room struct {
	items     []item
	documents []byte // BSON, one after the other
	firsts    []int
	last      map[string]int // by _id, while twins are paired
	message   [][]byte
}

// rooms are free ones. None may be kept after its call has returned: nothing
// that is under way any more looks at it.
var rooms = sync.Pool{New: func() any { return &room{last: map[string]int{}} }}

// The largest room that is kept: that of a batch of 10,000 ordinary records.
const (
	roomyItems = 16 << 10
	roomyBytes = 4 << 20
)

// leave gives the call's room to the next one.
func (c *call) leave() {
	r := c.room
	c.room, c.items = nil, nil
	if cap(r.items) > roomyItems || cap(r.documents) > roomyBytes {
		return
	}
	clear(r.items)
	clear(r.last)
	clear(r.message[:cap(r.message)])
	r.items, r.documents, r.firsts, r.message = r.items[:0], r.documents[:0], r.firsts[:0], r.message[:0]
	rooms.Put(r)
}
