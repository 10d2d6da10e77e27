package store

import "sync"

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
