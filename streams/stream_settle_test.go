package streams_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// oneOfEach receives three entries and gives them outcomes: one is refused, one
// deferred and one accepted.
func (b *rig) oneOfEach(q *streams.Stream) []streams.Settlement {
	b.pushMany(3)
	settlements := streamstest.All(record.Invalid, streamstest.Receive(b.t, q, 3))
	settlements[1].Outcome, settlements[1].Due = record.Deferred, time.Now().Add(time.Hour)
	settlements[2].Outcome = record.Ingested
	return settlements
}

// TestEntriesSettledBeforeAFaultAreCounted: another value is in the place of the
// delayed set, which the script reaches after it has written a dead letter.
func TestEntriesSettledBeforeAFaultAreCounted(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	settlements := b.oneOfEach(q)
	must(t, b.client.Set(t.Context(), "{s}:delayed", "no set", 0).Err())
	if done, err := q.Settle(t.Context(), settlements); err != nil || done.Cause == nil || done.Count != 2 {
		t.Errorf("settled %+v, %v", done, err)
	}
	b.wantLedger(map[string]string{"validation_failed": "1", "dead": "1", "deferred": "", "ingested": "1"})
	must(t, b.client.Del(t.Context(), "{s}:delayed").Err())
	if done, err := q.Settle(t.Context(), settlements); err != nil || done.Count != 1 {
		t.Errorf("settled %+v, %v", done, err)
	}
	b.wantLedger(map[string]string{"validation_failed": "1", "dead": "1", "deferred": "1", "ingested": "1"})
	b.wantBalance(0)
}

func TestWithABrokenLedgerNothingIsSettled(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	settlements := b.oneOfEach(q)
	must(t, b.client.Rename(t.Context(), "{s}:ledger", "aside").Err())
	must(t, b.client.Set(t.Context(), "{s}:ledger", "no hash", 0).Err())
	if done, err := q.Settle(t.Context(), settlements); err == nil {
		t.Errorf("settled %+v and no error", done)
	}
	if n := b.pending(); n != 3 || len(deadEvents(t, b.client, "s")) > 0 {
		t.Errorf("%d entries are pending, dead letters: %v", n, deadEvents(t, b.client, "s"))
	}
	must(t, b.client.Rename(t.Context(), "aside", "{s}:ledger").Err())
	if done, err := q.Settle(t.Context(), settlements); err != nil || done.Count != 3 {
		t.Errorf("settled %+v, %v", done, err)
	}
	b.wantBalance(0)
}

func TestDeadLettersBeyondTheLimitCountAsPurged(t *testing.T) {
	b := newRig(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.DeadLetters.Max = 2 })
	b.pushMany(5)
	held := streamstest.Receive(t, q, 5)
	settleAll(t, q, record.Invalid, held[:3])
	settleAll(t, q, record.Malformed, held[3:])
	b.wantLedger(map[string]string{"dead": "5", "purged": "3", "validation_failed": "3", "parse_error": "2"})
	if left := deadEvents(t, b.client, "s"); len(left) != 2 || left[0] != "parse_error" {
		t.Errorf("dead letters left: %v", left)
	}
}

// A batch of any size is settled in one call, in pages that Lua can pass.
func TestAHugeBatchIsSettledInOneCall(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	b.addMany(10_000)
	held := streamstest.Receive(t, q, 10_000)
	before := b.calls("evalsha")
	if done := settleAll(t, q, record.Ingested, held); done.Count != len(held) {
		t.Errorf("settled %d", done.Count)
	}
	if n := b.calls("evalsha") - before; n > 2 { // one more where the script was not known
		t.Errorf("%d calls", n)
	}
	b.wantLedger(map[string]string{"ingested": "10000"})
}

func (b *rig) addMany(n int) {
	b.t.Helper()
	pipe := b.client.Pipeline()
	for range n {
		pipe.XAdd(b.t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", "x"}})
	}
	_, err := pipe.Exec(b.t.Context())
	must(b.t, err)
}

// TestABadLedgerFieldAffectsOnlyItsOwnCount makes one field after the other not a
// number: the others still count what is acknowledged.
func TestABadLedgerFieldAffectsOnlyItsOwnCount(t *testing.T) {
	outcomes := []record.Outcome{record.Invalid, record.Ingested, record.Duplicate, record.Malformed}
	for _, bad := range outcomes {
		t.Run(bad.String(), func(t *testing.T) {
			b := newRig(t)
			q := b.open("c", nil)
			b.pushMany(len(outcomes))
			s := streamstest.All(bad, streamstest.Receive(t, q, len(outcomes)))
			for i, o := range outcomes {
				s[i].Outcome = o
			}
			must(t, b.client.HSet(t.Context(), "{s}:ledger", bad.String(), "no number").Err())
			if _, err := q.Settle(t.Context(), s); err == nil {
				t.Error("the damage is not reported")
			}
			for _, o := range outcomes {
				if o != bad && b.ledger(o.String()) != "1" {
					t.Errorf("%s is counted %q times", o, b.ledger(o.String()))
				}
			}
		})
	}
}
