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
		c.settleReply(ctx, seg, reply)
		return nil
	}
	if v.class == TimedOut && ctx.Err() == nil {
		c.store.pace.timedOut(t, len(docs))
	}
	c.rememberApplied(seg, v.class)
	if v.class == UnknownIndex && len(seg.items) == 1 {
		c.duplicate(seg.items[0], v, nil)
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
func (c *call) settleReply(ctx context.Context, seg segment, reply insertReply) {
	refused := make([]bool, len(seg.items))
	for _, e := range reply.writeErrors {
		refused[e.index] = true
	}
	for k, i := range seg.items {
		if !refused[k] {
			c.settleStored(i, c.asStored(i), true)
		}
	}
	if len(reply.writeErrors) < len(seg.items) {
		c.store.recovered()
		c.store.prove(c.items[seg.items[slices.Index(refused, false)]].raw)
	}
	var again []int
	for _, e := range reply.writeErrors {
		if i := seg.items[e.index]; !c.settleWriteError(ctx, i, e) {
			again = append(again, i)
		}
	}
	if len(again) > 0 {
		c.toSend = append(c.toSend, segment{items: again})
	}
}

// settleWriteError acts on what the server says against document i. It returns
// false where the document is to be sent again.
func (c *call) settleWriteError(ctx context.Context, i int, e writeError) bool {
	v := verdict{classifyDocument(e.code, e.keyPattern), e.code}
	switch v.class {
	case Duplicate, OtherIndex, UnknownIndex:
		c.duplicate(i, v, e.keyPattern)
		return true
	case Refused:
		c.store.recovered()
		c.reject(i, fmt.Sprintf("MongoDB refuses the document (code %d)", e.code))
		return true
	case Presumed:
		return c.strike(ctx, i, newError(v, nil, 0))
	}
	if v.class.mayBeApplied() {
		c.items[i].mayBeApplied = true
	}
	c.note(newError(v, nil, 0))
	return false
}

// duplicate plans the look-up of a document that a unique index refuses.
func (c *call) duplicate(i int, v verdict, keyPattern bson.Raw) {
	it := &c.items[i]
	it.found, it.index = v, indexFields(keyPattern)
	c.toLookUp = append(c.toLookUp, i)
	c.store.recovered()
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
