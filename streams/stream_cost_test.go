package streams_test

import (
	"strings"
	"testing"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// XINFO STREAM returns the first and the last entry with their bodies.
func TestScansReadNoBodies(t *testing.T) {
	b := newRig(t)
	dead, alive := b.open("dead", shortLease), b.open("alive", shortLease)
	b.pushMany(20)
	streamstest.Receive(t, dead, 20)
	must(t, alive.Open(t.Context()))
	before := b.looks()
	settleAll(t, alive, record.Ingested, streamstest.Receive(t, alive, 20))
	if _, err := alive.Receive(t.Context(), 20); err != nil {
		t.Fatal(err)
	}
	if n := b.looks() - before; n > 0 {
		t.Errorf("XINFO STREAM was called %d times", n)
	}
}

// A script that scans a long pending list blocks all other clients.
func TestALongPendingListIsScannedInPages(t *testing.T) {
	b := newRig(t)
	holder, other := b.open("holder", nil), b.open("other", nil)
	ids := b.pushMany(1000)
	streamstest.Receive(t, holder, 1000)
	must(t, b.client.XDel(t.Context(), "s", ids[0]).Err())
	before := b.calls("xautoclaim")
	env.Eventually(t, soon, func() (bool, string) {
		got, err := other.Receive(t.Context(), 10)
		must(t, err)
		if len(got) > 0 {
			t.Fatalf("received the leased %v", got)
		}
		return b.ledger("missing") == "1", "the first entry was not scanned"
	})
	if n := b.calls("xautoclaim") - before; n < 10 {
		t.Errorf("1000 pending entries were scanned in %d pages, want at most 100 in each", n)
	}
}

func TestLossDetectionIsRareWithLargeEntries(t *testing.T) {
	b := newRig(t)
	q := b.open("c", shortLease)
	push(t, b.client, strings.Repeat("x", 2<<20))
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 1))
	before, sweeps := b.looks(), b.calls("xinfo|consumers")
	b.maintained(q, func() (bool, string) { return b.calls("xinfo|consumers") >= sweeps+4, "no upkeep" })
	if n := b.looks() - before; n != 1 {
		t.Errorf("%d detections, want one within some seconds", n)
	}
	readSmall(t, b, q)
	for range 6 {
		push(t, b.client, strings.Repeat("x", 3<<20))
	}
	got, err := q.Receive(t.Context(), 100)
	must(t, err)
	if len(got) > 2 {
		t.Errorf("%d entries of 3 MiB in one batch, added between two detections", len(got))
	}
}

// readSmall makes the queue forget that entries were large.
func readSmall(t *testing.T, b *rig, q streams.Queue) {
	t.Helper()
	for range 60 {
		push(t, b.client, "small")
		settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 1))
	}
}
