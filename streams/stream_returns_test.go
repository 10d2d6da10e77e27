package streams_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// add puts an entry with alternating names and values on the stream.
func (b *rig) add(fields ...string) string {
	b.t.Helper()
	id, err := b.client.XAdd(b.t.Context(), &redis.XAddArgs{Stream: "s", Values: fields}).Result()
	must(b.t, err)
	return id
}

// fields are the alternating names and values of an entry.
func (b *rig) fields(key, id string) []string {
	b.t.Helper()
	entries, err := b.client.Do(b.t.Context(), "xrange", key, id, id).Slice()
	must(b.t, err)
	if len(entries) != 1 {
		b.t.Fatalf("no entry %s on %s", id, key)
	}
	var fields []string
	for _, s := range entries[0].([]any)[1].([]any) {
		fields = append(fields, s.(string))
	}
	return fields
}

func (b *rig) lastID() string {
	b.t.Helper()
	last, err := b.client.XRevRangeN(b.t.Context(), "s", "+", "-", 1).Result()
	must(b.t, err)
	return last[0].ID
}

// putOff defers what is held and waits until it is put back.
func (b *rig) putOff(q *streams.Stream, d streams.Delivery) streams.Delivery {
	b.t.Helper()
	b.settle(q, d, record.Deferred, time.Now().Add(-time.Minute))
	b.moved(q)
	return streamstest.Receive(b.t, q, 1)[0]
}

// moved runs the upkeep until nothing is deferred.
func (b *rig) moved(q *streams.Stream) {
	b.t.Helper()
	b.maintained(q, func() (bool, string) {
		n := b.client.ZCard(b.t.Context(), "{s}:delayed").Val()
		return n == 0, fmt.Sprintf("%d records wait", n)
	})
}

func wantNoPower(t *testing.T, d streams.Delivery) {
	t.Helper()
	if d.Origin != "" || d.AdmitAt != 0 || d.FirstID() != d.ID {
		t.Errorf("a producer's fields count: %+v", d)
	}
}

func TestFieldsOfAProducerAreIgnored(t *testing.T) {
	b := newRig(t)
	dead, alive := b.open("dead", quarantineEarly), b.open("alive", quarantineEarly)
	must(t, dead.Open(t.Context()))
	for _, prefix := range []string{"", "ingestion:"} {
		b.add("data", "x", prefix+"origin", "1-1", prefix+"admitAt", "1")
		b.add("data", "x", prefix+"origin", "web")
		b.add("data", "x", prefix+"admitAt", "1000")
	}
	for _, d := range streamstest.Receive(t, dead, 6) {
		wantNoPower(t, d)
	}
	for _, d := range streamstest.Receive(t, alive, 6) { // read by another way
		wantNoPower(t, d)
	}
	must(t, b.client.Do(t.Context(), "xclaim", "s", "g", "dead", "0", b.lastID(), "retrycount", "9").Err())
	quarantined := streamstest.Receive(t, b.open("third", quarantineEarly), 1)
	wantNoPower(t, quarantined[0])
}

func TestReturnedEntriesAreKnownByTheirNote(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	must(t, q.Open(t.Context()))
	first := b.add("data", "x", "traceparent", "tp", "tracestate", "a=b", "source", "c.csv:7", "origin", "web", "admitAt", "1")
	d := b.putOff(q, streamstest.Receive(t, q, 1)[0])
	if d.Origin != first || d.AdmitAt == 0 || d.TraceParent != "tp" || d.TraceState != "a=b" || d.Source != "c.csv:7" {
		t.Fatalf("redelivered as %+v", d)
	}
	copied := b.add(b.fields("s", d.ID)...) // another client copies the entry
	twin := streamstest.Receive(t, q, 1)[0]
	if twin.ID != copied {
		t.Fatalf("received %+v", twin)
	}
	wantNoPower(t, twin)

	// The record is refused and replayed.
	b.settle(q, d, record.Invalid, time.Time{})
	g := streams.NewDeadLetters(b.client, "s")
	dead := letters(t, g, false)
	if len(dead) != 1 || dead[0].Origin != first || dead[0].Source != "c.csv:7" {
		t.Fatalf("the dead letter is %+v", dead)
	}
	_, err := g.Replay(t.Context(), idsOf(dead))
	must(t, err)
	d = streamstest.Receive(t, q, 1)[0]
	if d.Origin != first || d.AdmitAt != 0 || d.TraceParent != "tp" || d.TraceState != "a=b" || d.Source != "c.csv:7" {
		t.Errorf("redelivered as %+v", d)
	}
	settleAll(t, q, record.Ingested, []streams.Delivery{d, twin})
	if left := b.client.HGetAll(t.Context(), "{s}:returns").Val(); len(left) != 0 {
		t.Errorf("notes about settled entries: %v", left)
	}
	b.wantBalanced()
}

// TestEntriesOfThePreviousVersionKeepTheirSlot has a stream as the previous
// version leaves it.
func TestEntriesOfThePreviousVersionKeepTheirSlot(t *testing.T) {
	b := newRig(t)
	ctx := t.Context()
	must(t, b.client.XGroupCreateMkStream(ctx, "s", "g", "0").Err())
	must(t, b.client.HSet(ctx, "{s}:ledger", "group", "g", "epoch", "1", "base", "0", "returned", "0", "dead", "0", "deferred", "1").Err())
	b.add("data", "x", "origin", "1-1", "admitAt", "1000")
	b.add("data", "x", "origin", "web", "admitAt", "1000")
	must(t, b.client.HSet(ctx, "{s}:delayed:data", "2-1", `["data","old","origin","1-2","traceparent","tp"]`).Err())
	must(t, b.client.ZAdd(ctx, "{s}:delayed", redis.Z{Score: 2000, Member: "2-1"}).Err())
	for range 2 { // by the first worker of this version, and by those after it
		must(t, b.open("c", nil).Open(ctx))
		b.add("data", "x", "origin", "1-1", "admitAt", "1000")
	}
	q := b.open("c", nil)
	got := streamstest.Receive(t, q, 4)
	if got[0].Origin != "1-1" || got[0].AdmitAt != 1000 {
		t.Errorf("received what the previous version put back as %+v", got[0])
	}
	for _, d := range got[1:] {
		wantNoPower(t, d)
	}
	b.moved(q)
	if d := streamstest.Receive(t, q, 1)[0]; d.Origin != "1-2" || d.AdmitAt != 2000 || string(d.Body) != "old" || d.TraceParent != "tp" {
		t.Errorf("received what the previous version deferred as %+v", d)
	}
}

// broken are entries without exactly one body, as alternating names and values.
var broken = map[string][]string{
	"two bodies":        {"data", `{"a":1}`, "x", "y", "data", `{"a":2}`},
	"no body":           {"Data", "<1>", "x", ""},
	"bytes":             {"\xff\xfe", "\x00\x80\r\n", "\xff\xfe", "3:abc,", "", ""},
	"names of our own":  {"ingestion:origin", "1-1", "ingestion:admitAt", "7", "x", "\xff"},
	"an old name twice": {"origin", "1-1", "origin", "2-2"},
	"thousands":         slices.Concat(slices.Repeat([]string{"name", "\xffvalue"}, 3000), []string{"last", "one"}),
}

func TestABrokenEntryIsReplayedByteForByte(t *testing.T) {
	for name, fields := range broken {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			q := b.open("c", nil)
			must(t, q.Open(t.Context()))
			first := b.add(fields...)
			for round := range 3 {
				d := streamstest.Receive(t, q, 1)[0]
				if d.Body != nil || d.Fault() == "" {
					t.Fatalf("round %d: received %+v", round, d)
				}
				settleAll(t, q, record.Malformed, []streams.Delivery{d})
				b.wantLetterOf(first, fields)
			}
			b.wantBalanced()
		})
	}
}

// wantLetterOf expects one dead letter of an entry with these fields and replays it.
func (b *rig) wantLetterOf(first string, fields []string) {
	b.t.Helper()
	g := streams.NewDeadLetters(b.client, "s")
	found := letters(b.t, g, false)
	if len(found) != 1 || !slices.Equal(found[0].Fields, fields) {
		b.t.Fatalf("the dead letters are %+v", found)
	}
	if id := cmp.Or(found[0].Origin, found[0].StreamID); id != first {
		b.t.Errorf("the first ID is %s", id)
	}
	_, err := g.Replay(b.t.Context(), idsOf(found))
	must(b.t, err)
	if got := b.fields("s", b.lastID()); !slices.Equal(got[:len(fields)], fields) || len(got) != len(fields)+2 {
		b.t.Errorf("replayed as %q", got)
	}
}

// TestABrokenPoisonedEntryIsReplayedByteForByte: the script writes its dead letter,
// since no worker has read it.
func TestABrokenPoisonedEntryIsReplayedByteForByte(t *testing.T) {
	for name, fields := range broken {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			must(t, b.open("c", nil).Open(t.Context()))
			first := b.add(fields...)
			b.settlePoisoned(first)
			b.wantLetterOf(first, fields)
			b.settlePoisoned(b.lastID())
			b.wantLetterOf(first, fields)
		})
	}
}

// settlePoisoned lets an entry kill its workers until it is poisoned.
func (b *rig) settlePoisoned(id string) {
	b.t.Helper()
	q := b.open("c", quarantineEarly)
	if len(b.client.XPendingExt(b.t.Context(), &redis.XPendingExtArgs{Stream: "s", Group: "g", Start: id, End: id, Count: 1}).Val()) == 0 {
		streamstest.Receive(b.t, b.open("dead", nil), 1)
	}
	must(b.t, b.client.Do(b.t.Context(), "xclaim", "s", "g", "dead", "0", id, "idle", "1000000", "retrycount", "50").Err())
	must(b.t, b.client.HSet(b.t.Context(), "{s}:suspects", id, streams.MaxAttempts).Err())
	d := streamstest.Receive(b.t, q, 1)[0]
	if !d.Exhausted() {
		b.t.Fatalf("received %+v", d)
	}
	settleAll(b.t, q, record.Poisoned, []streams.Delivery{d})
}

func TestADeadLetterOfTooManyFieldsIsLeft(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	must(t, q.Open(t.Context()))
	b.add("data", "one")
	b.add(slices.Repeat([]string{"name", "value"}, 6000)...)
	b.add("data", "two")
	settleAll(t, q, record.Malformed, streamstest.Receive(t, q, 3))
	g := streams.NewDeadLetters(b.client, "s")
	n, err := g.Replay(t.Context(), idsOf(letters(t, g, false)))
	if n != 2 || err == nil || !strings.Contains(err.Error(), "6000 fields") {
		t.Errorf("replayed %d, %v", n, err)
	}
	if a := b.wantBalanced(); a.DeadKept != 1 || a.DeadReplayed != 2 {
		t.Errorf("%+v", a)
	}
}

// TestADamagedDeferredRecordDoesNotAffectOthers has several kinds of damage among
// the due records.
func TestADamagedDeferredRecordDoesNotAffectOthers(t *testing.T) {
	b := newRig(t)
	ctx := t.Context()
	q := b.open("c", nil)
	b.pushMany(9)
	held := streamstest.Receive(t, q, 9)
	for i, d := range held {
		b.settle(q, d, record.Deferred, time.UnixMilli(int64(1000+i)))
	}
	damage := []string{"\xff\x00{", "{}", "[]", "17", `["data"]`, `["data",7]`, `["origin","1-1"]`}
	for i, payload := range damage {
		must(t, b.client.HSet(ctx, "{s}:delayed:data", held[i].ID, payload).Err())
	}
	must(t, b.client.ZAdd(ctx, "{s}:delayed", redis.Z{Score: math.Inf(-1), Member: held[7].ID}).Err())
	b.moved(q)
	again := streamstest.Receive(t, q, 2)
	if again[0].Origin != held[7].ID || again[0].AdmitAt != 0 || again[1].Origin != held[8].ID || again[1].AdmitAt != 1008 {
		t.Errorf("redelivered as %+v", again)
	}
	found := letters(t, streams.NewDeadLetters(b.client, "s"), false)
	if len(found) != len(damage) {
		t.Fatalf("the dead letters are %+v", found)
	}
	for i, l := range found {
		if l.Data != damage[i] || l.StreamID != held[i].ID || l.Event != "parse_error" || !strings.Contains(l.Reason, "deferred") {
			t.Errorf("the dead letter of %q is %+v", damage[i], l)
		}
	}
	if lines := b.log.find("warning"); len(lines) == 0 || lines[0]["count"] != float64(len(damage)) {
		t.Errorf("logged %v", lines)
	}
	b.wantBalanced()
	settleAll(t, q, record.Ingested, again)
	b.wantBalanced()
	if b.floorNow() <= 0 {
		t.Error("the floor is lost")
	}
}

// TestAnyNumberOfDeadLettersPerCall: more than Lua passes to one command.
func TestAnyNumberOfDeadLettersPerCall(t *testing.T) {
	for _, what := range []string{"purge", "replay"} {
		t.Run(what, func(t *testing.T) {
			b := newRig(t)
			q := b.open("c", nil)
			b.addMany(9000)
			for left := 9000; left > 0; {
				held, err := q.Receive(t.Context(), left)
				must(t, err)
				settleAll(t, q, record.Invalid, held)
				left -= len(held)
			}
			g := streams.NewDeadLetters(b.client, "s")
			act := map[string]func(context.Context, []string) (int, error){"purge": g.Purge, "replay": g.Replay}[what]
			n, err := act(t.Context(), idsOf(letters(t, g, false)))
			must(t, err)
			if n != 9000 {
				t.Errorf("%d", n)
			}
			if a := b.wantBalanced(); a.DeadKept != 0 || a.DeadPurged+a.DeadReplayed != 9000 {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestAnInvalidIDDoesNotAffectOthers(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	g := streams.NewDeadLetters(b.client, "s")
	b.writeDeadLetters(q, "one", "two", "three", "four")
	ids := idsOf(letters(t, g, false))
	if n, err := g.Replay(t.Context(), []string{ids[0], "web", ids[1]}); n != 2 || err == nil {
		t.Errorf("replayed %d, %v", n, err)
	}
	if n, err := g.Purge(t.Context(), []string{ids[2], "web", ids[3]}); n != 0 || err == nil {
		t.Errorf("purged %d, %v", n, err)
	}
	if a := b.wantBalanced(); a.DeadReplayed != 2 || a.DeadPurged != 0 || a.DeadKept != 2 {
		t.Errorf("%+v", a)
	}
}

// TestRedeliveredEntriesKeepTheirOrigin: the group is recreated or set back while a
// worker holds an entry that was put back. Settling it does not acknowledge it then: the
// entry is redelivered, with the same origin.
func TestRedeliveredEntriesKeepTheirOrigin(t *testing.T) {
	for name, lose := range map[string]func(b *rig, q *streams.Stream){
		"recreated": func(b *rig, q *streams.Stream) {
			must(t, b.client.XGroupDestroy(t.Context(), "s", "g").Err())
			must(t, b.open("other", nil).Open(t.Context()))
		},
		"set back": func(b *rig, q *streams.Stream) {
			b.setID("0")
			must(t, q.DetectLossesOnce(t.Context()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			q := b.open("c", nil)
			must(t, q.Open(t.Context()))
			first := b.add("data", "x")
			held := b.putOff(q, streamstest.Receive(t, q, 1)[0])
			lose(b, q)
			settleAll(t, q, record.Ingested, []streams.Delivery{held})
			again := streamstest.Receive(t, q, 2)[1]
			if again.ID != held.ID || again.Origin != first || again.AdmitAt != held.AdmitAt {
				t.Errorf("redelivered as %+v, was %+v", again, held)
			}
			settleAll(t, q, record.Ingested, []streams.Delivery{again})
			if n := b.client.HLen(t.Context(), "{s}:returns").Val(); n != 0 {
				t.Errorf("%d notes are left", n)
			}
		})
	}
}
