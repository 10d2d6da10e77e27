package store

import (
	"context"
	"slices"
)

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
