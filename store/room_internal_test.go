package store

import "testing"

// TestAFreeRoomRefersToNothing has a large message and then a small one, as when a
// batch is sent in parts: the room must not hold on to the documents of either.
func TestAFreeRoomRefersToNothing(t *testing.T) {
	r := &room{last: map[string]int{}}
	c := &call{room: r}
	for _, n := range []int{100, 1} {
		docs := r.message[:0]
		for range n {
			docs = append(docs, make([]byte, 10))
		}
		r.message = docs
	}
	c.leave()
	for i, m := range r.message[:cap(r.message)] {
		if m != nil {
			t.Fatalf("message %d of a free room still refers to a document", i)
		}
	}
}
