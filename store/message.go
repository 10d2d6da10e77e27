package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

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

// insert sends docs as one message within the tempo's time limit.
func (s *Store) insert(ctx context.Context, docs [][]byte, t tempo) (insertReply, error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	buf := commands.Get().(*[]byte)
	defer keepCommand(buf)
	*buf = appendInsert((*buf)[:0], s.coll.Name(), docs)
	return readInsert(s.coll.Database().RunCommand(ctx, bson.Raw(*buf)).Raw())
}

// commands holds buffers for commands; the driver copies what it is given.
var commands = sync.Pool{New: func() any { return new([]byte) }}

func keepCommand(buf *[]byte) {
	if cap(*buf) <= roomyBytes {
		commands.Put(buf)
	}
}
