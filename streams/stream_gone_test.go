package streams_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// gone is how many entries are remembered as dropped.
func (b *rig) gone() int64 { return b.client.HLen(b.t.Context(), "{s}:gone").Val() }

// deleteAll deletes entries as another client would.
func (b *rig) deleteAll(held []streams.Delivery) {
	b.t.Helper()
	ids := make([]string, len(held))
	for i := range held {
		ids[i] = held[i].ID
	}
	must(b.t, b.client.XDel(b.t.Context(), "s", ids...).Err())
}

// receiveUntil has a worker scan until that many entries are missing.
func (b *rig) receiveUntil(q *streams.Stream, missing int) {
	b.t.Helper()
	env.Eventually(b.t, soon, func() (bool, string) {
		got, err := q.Receive(b.t.Context(), 10)
		must(b.t, err)
		if len(got) > 0 {
			b.t.Fatalf("received %v", got)
		}
		return b.ledger("missing") == strconv.Itoa(missing), b.ledger("missing") + " missing"
	})
}

// TestSettlingADroppedEntryCorrectsTheAccount: the lease of a running worker
// expires, and its entries are deleted: the scan of another worker drops them.
func TestSettlingADroppedEntryCorrectsTheAccount(t *testing.T) {
	b := newRig(t)
	frozen, other := b.open("frozen", shortLease), b.open("other", shortLease)
	b.pushMany(10)
	held := streamstest.Receive(t, frozen, 10)
	b.deleteAll(held)
	b.receiveUntil(other, 10)
	b.wantBalance(10)
	if left := b.client.PTTL(t.Context(), "{s}:gone").Val(); b.gone() != 10 || left < 10*24*time.Hour-time.Minute {
		t.Errorf("%d remembered for %v", b.gone(), left)
	}
	if !b.log.has("entries_missing") {
		t.Error("nothing was logged")
	}
	settlements := streamstest.All(record.Ingested, held[:9])
	settlements[1].Outcome, settlements[2].Outcome = record.Invalid, record.Deferred
	settlements[2].Due = time.Now().Add(time.Hour)
	for _, want := range []int{9, 0} { // a repetition changes nothing
		done, err := frozen.Settle(t.Context(), settlements)
		must(t, err)
		if done.Count != want || len(done.Lost)+len(done.Kept) > 0 {
			t.Errorf("settled %+v, want %d", done, want)
		}
	}
	b.wantLedger(map[string]string{"ingested": "7", "validation_failed": "1", "deferred": "1", "dead": "1", "missing": "1"})
	if dead, waiting := deadEvents(t, b.client, "s"), b.client.ZCard(t.Context(), "{s}:delayed").Val(); len(dead) != 1 || waiting != 1 || b.gone() != 1 {
		t.Errorf("dead letters %v, %d deferred, %d remembered", dead, waiting, b.gone())
	}
	b.wantBalance(10)
}

// TestDeletedEntriesStayTheirHolders: nobody else can claim them, so they are not lost.
func TestDeletedEntriesStayTheirHolders(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	b.pushMany(5)
	held := streamstest.Receive(t, q, 5)
	b.deleteAll(held[:3])
	for range 2 {
		lost, err := q.Extend(t.Context(), held)
		must(t, err)
		if len(lost) > 0 {
			t.Errorf("lost %v", lost)
		}
	}
	b.wantLedger(map[string]string{"missing": "3"})
	b.wantBalance(3)
	settleAll(t, q, record.Ingested, held)
	b.wantLedger(map[string]string{"missing": "0", "ingested": "5"})
	b.wantBalance(3)
}

func TestNackedDeletedEntriesAreMissing(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	b.pushMany(5)
	held := streamstest.Receive(t, q, 5)
	b.deleteAll(held[:3])
	for range 2 {
		must(t, q.Nack(t.Context(), held))
	}
	if n := b.pending(); n != 2 || b.gone() != 3 || !b.log.has("entries_missing") {
		t.Errorf("%d pending, %d remembered, logged %v", n, b.gone(), b.log.find("entries_missing"))
	}
	b.wantLedger(map[string]string{"missing": "3"})
	b.wantBalance(3)
}

// TestEntriesDeletedBetweenClaimAndReadAreMissing: they are deleted after their IDs
// were claimed and before their bodies are read, while the former holder runs.
func TestEntriesDeletedBetweenClaimAndReadAreMissing(t *testing.T) {
	for name, change := range map[string]func(*streams.StreamOptions){"claimed": shortLease, "quarantined": quarantineEarly} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			frozen := b.open("frozen", change)
			b.pushMany(3)
			held := streamstest.Receive(t, frozen, 3)
			if name == "quarantined" {
				b.abandon(3) // often enough; the former holder is still alive
			}
			other := b.open("other", change)
			first := streamstest.Receive(t, other, 1)
			if name == "claimed" {
				must(t, other.Nack(t.Context(), first))
				first = streamstest.Receive(t, other, 1)
			}
			b.deleteAll(held)
			if first[0].Quarantined {
				_, ours, err := other.BeginAttempt(t.Context(), first[0])
				must(t, err)
				if ours {
					t.Error("an attempt at a deleted entry has begun")
				}
			}
			settleAll(t, frozen, record.Ingested, held)
			env.Eventually(t, soon, func() (bool, string) {
				_, err := other.Receive(t.Context(), 1)
				must(t, err)
				return b.pending() == 0, fmt.Sprint(b.pending(), " pending")
			})
			if b.number("missing") != 0 || b.number("ingested") != 3 {
				t.Errorf("%d missing, %d ingested", b.number("missing"), b.number("ingested"))
			}
			b.wantBalance(3)
		})
	}
}

// TestAPoisonedDeletedEntryStaysMissing: there is no body for a dead letter.
func TestAPoisonedDeletedEntryStaysMissing(t *testing.T) {
	b := newRig(t)
	push(t, b.client, "kills")
	b.abandon(3)
	q := b.open("c", quarantineEarly)
	got := streamstest.Receive(t, q, 1)
	b.deleteAll(got)
	must(t, q.Nack(t.Context(), got))
	settleAll(t, q, record.Poisoned, got)
	b.wantLedger(map[string]string{"missing": "1", "poisoned": "", "dead": "0"})
	b.wantBalance(1)
}

func TestANewEpochForgetsDroppedEntries(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	b.pushMany(3)
	held := streamstest.Receive(t, q, 3)
	b.deleteAll(held)
	_, err := q.Extend(t.Context(), held)
	must(t, err)
	must(t, b.client.XGroupDestroy(t.Context(), "s", "g").Err())
	must(t, b.open("another", nil).Open(t.Context()))
	settleAll(t, q, record.Ingested, held)
	if b.ledger("ingested") != "" || b.gone() != 0 {
		t.Errorf("ingested %s, %d remembered", b.ledger("ingested"), b.gone())
	}
}

// TestRememberedEntriesAreLimited: other clients may delete any number of
// pending entries.
func TestRememberedEntriesAreLimited(t *testing.T) {
	b := newRig(t)
	q, other := b.open("c", shortLease), b.open("other", shortLease)
	b.addMany(1000)
	streamstest.Receive(t, q, 1000)
	fill := b.client.Eval(t.Context(), `for i = 1, 99900 do redis.call('HSET', KEYS[1], i, '') end`, []string{"{s}:gone"})
	if err := fill.Err(); err != nil && b.gone() != 99_900 {
		t.Fatal(err)
	}
	must(t, b.client.XTrimMaxLen(t.Context(), "s", 0).Err())
	b.receiveUntil(other, 1000)
	if n := b.gone(); n != 100_000 {
		t.Errorf("%d are remembered, want at most 100000", n)
	}
	b.wantBalance(1000)
}
