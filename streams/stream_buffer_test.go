package streams_test

import (
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

// hostages has a worker with short leases take n entries over and receive once;
// from then on it only renews its leases. Another with longer leases has to get
// what was not delivered.
func hostages(t *testing.T, b *rig, a *streams.Stream, n int, change func(*streams.StreamOptions)) []streams.Delivery {
	t.Helper()
	held := receiveSome(t, a, n)
	other := b.open("b", change)
	taken := map[string]bool{}
	for _, d := range held {
		taken[d.ID] = true
	}
	if len(held) == n {
		t.Fatal("all was delivered at once")
	}
	var got []streams.Delivery
	env.Eventually(t, soon, func() (bool, string) {
		lost, err := a.Extend(t.Context(), held)
		must(t, err)
		if len(lost) > 0 {
			t.Fatalf("lost %v of what is held", lost)
		}
		more, err := other.Receive(t.Context(), n)
		must(t, err)
		for _, d := range more {
			if taken[d.ID] {
				t.Fatalf("%s came twice", d.ID)
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

// patient gives the heartbeat of another time, and lets a test come round to it.
func patient(o *streams.StreamOptions) {
	o.ClaimIdle, o.PollTimeout = 2*time.Second, 50*time.Millisecond
}

// receiveSome receives n deliveries at most, all at once.
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

func TestWhatAWorkerDoesNotReceiveIsHandedBack(t *testing.T) {
	b := newRig(t)
	body := strings.Repeat("x", 1<<20)
	for range 20 {
		push(t, b.client, body)
	}
	streamstest.Receive(t, b.open("dead", nil), 20)
	b.awaitIdle(20, 200*time.Millisecond)
	a := b.open("a", shortLease)
	got := hostages(t, b, a, 20, patient)
	for _, d := range got {
		if d.Deliveries != 2 {
			t.Errorf("%s is delivered for the %d. time, want the second", d.ID, d.Deliveries)
		}
	}
	if !b.log.has("warning") {
		t.Error("nothing was said")
	}
}

// awaitIdle waits until n pending entries have been left alone for so long: a
// large batch comes in several reads.
func (b *rig) awaitIdle(n int, idle time.Duration) {
	b.t.Helper()
	env.Eventually(b.t, soon, func() (bool, string) {
		lapsed, err := b.client.XPendingExt(b.t.Context(), &redis.XPendingExtArgs{Stream: "s", Group: "g", Idle: idle, Start: "-", End: "+", Count: int64(n)}).Result()
		must(b.t, err)
		return len(lapsed) == n, fmt.Sprintf("%d of %d entries have lapsed", len(lapsed), n)
	})
}

func TestSuspectsThatAWorkerDoesNotReceiveAreHandedBack(t *testing.T) {
	b := newRig(t)
	b.pushMany(5)
	b.abandon(5)
	got := hostages(t, b, b.open("a", wary), 5, func(o *streams.StreamOptions) {
		wary(o)
		patient(o)
	})
	for _, d := range got {
		if !d.Quarantined || d.Attempts != 0 || d.Deliveries != 3 {
			t.Errorf("it comes as %+v", d)
		}
	}
}

func TestHandingBackBesideReceivingLosesNothing(t *testing.T) {
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
	stop, done := make(chan struct{}), sync.WaitGroup{}
	done.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := q.Extend(t.Context(), nil); err != nil {
				t.Error(err)
			}
		}
	})
	handedBack := func() int { return len(b.log.find("warning")) }
	for settled := 0; settled < n; {
		before := handedBack()
		got := receiveSome(t, q, 30)
		settled += settleAll(t, q, record.Ingested, got).Count
		if before == 0 && settled < n {
			env.Eventually(t, soon, func() (bool, string) { return handedBack() > 0, "nothing was handed back" })
		}
	}
	close(stop)
	done.Wait()
	b.wantLedger(map[string]string{"ingested": fmt.Sprint(n), "missing": ""})
}
