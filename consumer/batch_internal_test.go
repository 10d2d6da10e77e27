package consumer

import (
	"testing"

	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// A smaller batch follows a larger one, and documents is called twice, the second time
// for fewer items.
func TestAnIdleSlotRefersToNothing(t *testing.T) {
	var b batch
	for _, n := range []int{9, 3} {
		b.begin(make([]streams.Delivery, n))
		for i, e := range b.items {
			e.Delivery.ID, e.record.ID = "id", "_id"
			b.requests = append(b.requests[:i], limiter.Request{Member: e.record.ID})
			e.end(record.Ingested, "")
		}
		b.documents(b.items)
		b.documents(b.items[:1])
		b.decided()
		b.reset(500)
		wantEmpty(t, "item", b.storage, func(e item) bool { return e.Delivery == nil && e.record.ID == "" })
		wantEmpty(t, "request", b.requests, func(r limiter.Request) bool { return r.Member == "" })
		wantEmpty(t, "document", b.docs, func(d store.Document) bool { return d.Record.ID == "" && d.StreamID == "" })
		wantEmpty(t, "settlement", b.settlements, func(s streams.Settlement) bool { return s.Delivery == nil })
	}
}

func wantEmpty[T any](t *testing.T, what string, list []T, empty func(T) bool) {
	t.Helper()
	for i, v := range list[:cap(list)] {
		if !empty(v) {
			t.Errorf("%s %d is not cleared", what, i)
		}
	}
}
