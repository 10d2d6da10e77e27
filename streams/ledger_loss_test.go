package streams_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// wantMissing checks the one log line about entries without an outcome.
func (b *rig) wantMissing(n int64, words string, ids map[string]string) {
	b.t.Helper()
	lines := b.log.find("entries_missing")
	if len(lines) != 1 || lines[0]["count"] != float64(n) || !strings.Contains(fmt.Sprint(lines[0]["reason"]), words) {
		b.t.Fatalf("logged %v, want %d missing with %q", lines, n, words)
	}
	for _, name := range []string{"after", "before", "first", "last"} {
		got, named := lines[0][name]
		if want, ok := ids[name]; ok != named || ok && got != want {
			b.t.Errorf("%s: logged %v, want %q", name, got, want)
		}
	}
	a := b.wantBalanced()
	if a.Missing != n || len(a.Losses()) != 1 {
		b.t.Errorf("%d missing, want %d: %q", a.Missing, n, a.Losses())
	}
}

func TestEntriesSkippedBySetIDAreMissing(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	ids := b.pushMany(40)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
	b.awaitLossDetection(q)
	b.setID(ids[39])
	b.awaitLossDetection(q)
	b.wantMissing(30, "set forward", map[string]string{"after": ids[9], "last": ids[39]})
}

// If entries were read meanwhile, the skipped ones are not a whole range.
func TestSkippedEntriesAmongReadOnesHaveNoRange(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	ids := b.pushMany(40)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
	b.awaitLossDetection(q)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 5))
	b.setID(ids[29])
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
	b.awaitLossDetection(q)
	b.wantMissing(15, "skipped", nil)
}

func TestEntriesBeforeAForeignGroupAreMissing(t *testing.T) {
	b := newRig(t)
	ids := b.pushMany(20)
	must(t, b.client.XGroupCreate(t.Context(), "s", "g", "$").Err())
	q := b.open("c", nil)
	must(t, q.Open(t.Context()))
	b.awaitLossDetection(q)
	b.wantMissing(20, "created behind them", map[string]string{"last": ids[19]})
	b.pushMany(3)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 3))
	b.wantBalanced()
}

// Another client destroys and creates the group before a worker notices.
func TestAReplacedGroupSkipsEntries(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	ids := b.pushMany(20)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 8))
	b.awaitLossDetection(q)
	_, err := b.client.Eval(t.Context(), "redis.call('XGROUP', 'DESTROY', KEYS[1], 'g') return redis.call('XGROUP', 'CREATE', KEYS[1], 'g', '$')", []string{"s"}).Result()
	must(t, err)
	b.awaitLossDetection(q)
	b.wantMissing(12, "set forward", map[string]string{"after": ids[7], "last": ids[19]})
}

func TestEntriesOfADeletedConsumerAreMissing(t *testing.T) {
	b := newRig(t)
	dead, q := b.open("dead", nil), b.open("c", nil)
	b.pushMany(20)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
	streamstest.Receive(t, dead, 10)
	b.awaitLossDetection(q)
	must(t, b.client.XGroupDelConsumer(t.Context(), "s", "g", "dead").Err())
	b.awaitLossDetection(q)
	b.wantMissing(10, "DELCONSUMER", nil)
}

// A running worker still stores what it holds: it is not counted twice, and its
// documents are not a fault.
func TestEntriesOfADeletedRunningConsumerCountOnce(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	b.pushMany(10)
	held := streamstest.Receive(t, q, 10)
	b.awaitLossDetection(q)
	must(t, b.client.XGroupDelConsumer(t.Context(), "s", "g", "c").Err())
	b.awaitLossDetection(q)
	settleAll(t, q, record.Ingested, held)
	b.wantMissing(10, "unless a worker still holds them", nil)
	a := b.wantBalanced()
	if d := streams.CompareDocuments(a, 10, 0, a); !d.Holds() {
		t.Error(d.Fault())
	}
}

func TestADeletedLedgerStaysUnknown(t *testing.T) {
	for name, after := range map[string]func(b *rig, q *streams.Stream){
		"the worker continues": func(b *rig, q *streams.Stream) { b.awaitLossDetection(q) },
		"another begins":       func(b *rig, q *streams.Stream) { must(b.t, b.open("other", nil).Open(b.t.Context())) },
		"all have left":        func(b *rig, q *streams.Stream) { must(b.t, q.Close(b.t.Context())); must(b.t, q.Open(b.t.Context())) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			q := b.everywhere()
			settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 3))
			held, err := b.client.XPendingExt(t.Context(), &redis.XPendingExtArgs{Stream: "s", Group: "g", Start: "-", End: "+", Count: 100}).Result()
			must(t, err)
			for _, p := range held {
				must(t, b.client.XAck(t.Context(), "s", "g", p.ID).Err())
			}
			b.awaitLossDetection(q)
			must(t, b.client.Del(t.Context(), "{s}:ledger").Err())
			after(b, q)
			b.pushMany(5)
			settleAll(t, q, record.Invalid, streamstest.Receive(t, q, 5))
			b.awaitLossDetection(q)
			a := b.account()
			if a.Verdict() != streams.Unknown || a.Known || len(a.Faults()) > 0 || a.Missing > 0 {
				t.Errorf("%s: %q of %+v", a.Verdict(), a.Faults(), a)
			}
			if notes := strings.Join(a.Notes(), "\n"); !strings.Contains(notes, "the ledger before it was deleted") {
				t.Errorf("notes %q", notes)
			}
			if lines := b.log.find("warning"); len(lines) != 1 || !strings.Contains(fmt.Sprint(lines[0]["reason"]), "no account") {
				t.Errorf("logged %v", lines)
			}
		})
	}
}
