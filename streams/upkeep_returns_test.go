package streams_test

import (
	"maps"
	"slices"
	"testing"

	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// Notes about entries that were put back go with the entries, also if another client
// deletes them unread.
func TestNotesAboutDeletedEntriesAreRemoved(t *testing.T) {
	b := newRig(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.Retention = -1 })
	must(t, q.Open(t.Context()))
	ids := b.pushMany(5)
	for _, id := range ids {
		must(t, b.client.HSet(t.Context(), "{s}:returns", id, "1-1 0").Err())
	}
	noted := func(when string, want ...string) {
		t.Helper()
		must(t, q.TrimOnce(t.Context()))
		got := slices.Sorted(maps.Keys(b.client.HGetAll(t.Context(), "{s}:returns").Val()))
		if !slices.Equal(got, want) {
			t.Errorf("%s: notes about %v, want %v", when, got, want)
		}
	}
	noted("nothing read", ids...)
	b.delete(ids[2])
	held := streamstest.Receive(t, q, 3)
	b.delete(ids[0])
	noted("one deleted unread, one while pending", ids[0], ids[1], ids[3], ids[4])
	settleAll(t, q, record.Ingested, held)
	noted("settled", ids[4])
	b.delete(ids[1])
	b.delete(ids[3])
	b.delete(ids[4])
	noted("all deleted")
}
