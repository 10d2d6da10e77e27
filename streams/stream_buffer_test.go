package streams_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// buffer has a worker with short leases claim n entries and receive once; from then on
// it only extends its leases. Another one with longer leases must get the buffered
// entries.
func buffer(t *testing.T, b *rig, a *streams.Stream, n int, change func(*streams.StreamOptions)) []streams.Delivery {
	t.Helper()
	held := receiveSome(t, a, n)
	other := b.open("b", change)
	taken := map[string]bool{}
	for _, d := range held {
		taken[d.ID] = true
	}
	if len(held) == n {
		t.Fatal("nothing is buffered")
	}
	var got []streams.Delivery
	env.Eventually(t, soon, func() (bool, string) {
		lost, err := a.Extend(t.Context(), held)
		must(t, err)
		if len(lost) > 0 {
			t.Fatalf("lost %v of the held entries", lost)
		}
		more, err := other.Receive(t.Context(), n)
		must(t, err)
		for _, d := range more {
			if taken[d.ID] {
				t.Fatalf("%s was delivered twice", d.ID)
			}
			taken[d.ID] = true
		}
		got = append(got, more...)
		_, err = other.Extend(t.Context(), got)
		must(t, err)
		return len(taken) == n, fmt.Sprintf("%d of %d entries received", len(taken), n)
	})
	return got
}

// longLease has leases that do not expire while a test waits.
func longLease(o *streams.StreamOptions) {
	o.ClaimIdle, o.PollTimeout = 2*time.Second, 50*time.Millisecond
}

// receiveSome receives up to n deliveries in one batch.
func receiveSome(t *testing.T, q streams.Queue, n int) []streams.Delivery {
	t.Helper()
	var got []streams.Delivery
	env.Eventually(t, soon, func() (bool, string) {
		var err error
		got, err = q.Receive(t.Context(), n)
		must(t, err)
		return len(got) > 0, "nothing received"
	})
	return got
}

func TestBufferedEntriesAreNackedAfterTenLeases(t *testing.T) {
	b := newRig(t)
	body := strings.Repeat("x", 1<<20)
	for range 20 {
		push(t, b.client, body)
	}
	streamstest.Receive(t, b.open("dead", nil), 20)
	b.awaitIdle(20, 200*time.Millisecond)
	a := b.open("a", shortLease)
	got := buffer(t, b, a, 20, longLease)
	for _, d := range got {
		if d.Deliveries != 2 {
			t.Errorf("delivery %[2]d of %[1]s, want the second", d.ID, d.Deliveries)
		}
	}
	if !b.log.has("warning") {
		t.Error("nothing was logged")
	}
}

// awaitIdle waits until n pending entries have been idle for that long: a large batch is
// read in several steps.
func (b *rig) awaitIdle(n int, idle time.Duration) {
	b.t.Helper()
	env.Eventually(b.t, soon, func() (bool, string) {
		expired, err := b.client.XPendingExt(b.t.Context(), &redis.XPendingExtArgs{Stream: "s", Group: "g", Idle: idle, Start: "-", End: "+", Count: int64(n)}).Result()
		must(b.t, err)
		return len(expired) == n, fmt.Sprintf("%d of %d entries have expired", len(expired), n)
	})
}

func TestBufferedQuarantinedEntriesAreNacked(t *testing.T) {
	b := newRig(t)
	b.pushMany(5)
	b.abandon(5)
	got := buffer(t, b, b.open("a", quarantineEarly), 5, func(o *streams.StreamOptions) {
		quarantineEarly(o)
		longLease(o)
	})
	for _, d := range got {
		if !d.Quarantined || d.Attempts != 0 || d.Deliveries != 3 {
			t.Errorf("received %+v", d)
		}
	}
}

func TestExtendDuringReceiveLosesNothing(t *testing.T) {
	b := newRig(t)
	const n = 60
	body := strings.Repeat("x", 200<<10)
	for range n {
		push(t, b.client, body)
	}
	short := func(o *streams.StreamOptions) { o.ClaimIdle, o.MaxDeliveries = 5*time.Millisecond, 1_000_000 }
	streamstest.Receive(t, b.open("dead", nil), n)
	b.awaitIdle(n, 5*time.Millisecond)
	q := b.open("c", short)
	ctx, stop := context.WithCancel(t.Context())
	done := sync.WaitGroup{}
	nacked := func() int { return len(b.log.find("warning")) }
	done.Go(func() {
		for ctx.Err() == nil && nacked() == 0 { // a slow machine would nack all for ever
			if _, err := q.Extend(ctx, nil); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	defer done.Wait()
	defer stop()
	for settled := 0; settled < n; {
		before := nacked()
		got := receiveSome(t, q, 30)
		settled += settleAll(t, q, record.Ingested, got).Count
		if before == 0 && settled < n {
			env.Eventually(t, soon, func() (bool, string) { return nacked() > 0, "nothing was nacked" })
		}
	}
	stop()
	done.Wait()
	b.wantLedger(map[string]string{"ingested": fmt.Sprint(n), "missing": ""})
}
