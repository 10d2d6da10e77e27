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
		for range 100 { // each looks at one note
			must(t, q.TrimOnce(t.Context()))
		}
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

// To see whether an entry exists, Redis copies its body: one per trim is enough.
func TestNotesAboutKeptEntriesCostLittle(t *testing.T) {
	b := newRig(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.Retention = -1 })
	must(t, q.Open(t.Context()))
	for _, id := range b.pushMany(25) {
		must(t, b.client.HSet(t.Context(), "{s}:returns", id, "1-1 0").Err())
	}
	for _, d := range streamstest.Receive(t, q, 25) {
		must(t, b.client.XAck(t.Context(), "s", "g", d.ID).Err()) // as by hand: the note stays
	}
	must(t, b.client.ConfigResetStat(t.Context()).Err())
	const trims = 4
	for range trims {
		must(t, q.TrimOnce(t.Context()))
	}
	if n := b.calls("xrange"); n > trims {
		t.Errorf("%d trims read entries %d times", trims, n)
	}
}

// A role of an earlier version may lack HRANDFIELD: notes are kept then, and Redis
// logs no refusal.
func TestNotesAreKeptWithoutTheRightToSampleThem(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	must(t, q.Open(t.Context()))
	must(t, b.client.HSet(t.Context(), "{s}:returns", "1-1", "1-1 0").Err())
	must(t, b.client.Do(t.Context(), "ACL", "SETUSER", "default", "-hrandfield").Err())
	must(t, q.TrimOnce(t.Context()))
	if n := b.client.HLen(t.Context(), "{s}:returns").Val(); n != 1 {
		t.Errorf("%d notes are left, want 1", n)
	}
	if refused := b.client.ACLLog(t.Context(), 10).Val(); len(refused) > 0 {
		t.Errorf("Redis logged %d refusals", len(refused))
	}
}
