package streams_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
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

// scanCost is what Redis has spent on scans for expired leases.
type scanCost struct{ pages, usec int64 }

var autoclaimStats = regexp.MustCompile(`cmdstat_xautoclaim:calls=(\d+),usec=(\d+)`)

func (b *rig) scanCost() scanCost {
	b.t.Helper()
	stats, err := b.client.Info(b.t.Context(), "commandstats").Result()
	must(b.t, err)
	var c scanCost
	if m := autoclaimStats.FindStringSubmatch(stats); m != nil {
		c.pages, _ = strconv.ParseInt(m[1], 10, 64)
		c.usec, _ = strconv.ParseInt(m[2], 10, 64)
	}
	return c
}

// hold has a consumer receive n entries and keep them.
func (b *rig) hold(consumer string, n int) {
	b.t.Helper()
	must(b.t, b.client.XReadGroup(b.t.Context(), &redis.XReadGroupArgs{
		Group: "g", Consumer: consumer, Streams: []string{"s", ">"}, Count: int64(n), Block: -1,
	}).Err())
}

// receiving has workers receive until stopped.
func (b *rig) receiving(workers int, receive func(context.Context, *streams.Stream) error) (stop func()) {
	ctx, cancel := context.WithCancel(b.t.Context())
	var group sync.WaitGroup
	for i := range workers {
		q := b.open(fmt.Sprintf("worker %d of %d", i, workers), nil)
		group.Go(func() {
			for ctx.Err() == nil {
				if err := receive(ctx, q); err != nil {
					b.t.Error(err)
					return
				}
			}
		})
	}
	return func() { cancel(); group.Wait() }
}

// TestScansCostTheSameForAnyNumberOfWorkers measures what scans of a long
// pending list cost Redis.
func TestScansCostTheSameForAnyNumberOfWorkers(t *testing.T) {
	const pending, passes = 50_000, 5
	b := newRig(t, env.WithConfig("appendonly", "no"))
	must(t, b.open("c", nil).Open(t.Context()))
	for range pending / 10_000 {
		b.addMany(10_000)
	}
	b.hold("busy", pending)
	for _, workers := range []int{1, 8, 32} {
		stop := b.receiving(workers, func(ctx context.Context, q *streams.Stream) error {
			got, err := q.Receive(ctx, 500)
			if len(got) > 0 {
				t.Errorf("received %d leased entries", len(got))
			}
			return err
		})
		first, begun := b.scanCost(), time.Now()
		env.Eventually(t, 6*soon, func() (bool, string) {
			looked := b.scanCost().pages - first.pages
			return looked >= passes*pending/2000, fmt.Sprintf("%d pages were looked at", looked)
		})
		took, last := time.Since(begun), b.scanCost()
		stop()
		t.Logf("%d workers: a pass every %v costs Redis %.1f ms", workers, (took / passes).Round(time.Millisecond), float64(last.usec-first.usec)/1000/passes)
		if took < (passes-1)*700*time.Millisecond {
			t.Errorf("%d workers scanned the pending list %d times in %v, want about once a second", workers, passes, took)
		}
	}
}

// TestAScanContinuesWithoutItsWorker has a worker die during a scan.
func TestAScanContinuesWithoutItsWorker(t *testing.T) {
	b := newRig(t)
	lease := func(o *streams.StreamOptions) { o.ClaimIdle = 2 * time.Second }
	dies, lives := b.open("dies", lease), b.open("lives", lease)
	must(t, dies.Open(t.Context()))
	b.addMany(50)
	b.hold("dead", 50)
	expired := time.Now().Add(2 * time.Second)
	env.Eventually(t, soon, func() (bool, string) {
		got, err := dies.Receive(t.Context(), 10)
		must(t, err)
		return len(got) > 0, "nothing was claimed"
	})
	received := 0
	env.Eventually(t, soon, func() (bool, string) {
		got, err := lives.Receive(t.Context(), 100)
		must(t, err)
		settleAll(t, lives, record.Ingested, got)
		received += len(got)
		return received >= 40, fmt.Sprintf("%d of the 40 that are left", received)
	})
	if late := time.Since(expired); late > 4*time.Second { // about a second, on a machine that is not loaded
		t.Errorf("claimed %v after their lease had expired", late)
	}
}

// TestABrokenCursorDoesNotStopScans: neither does a clock that was set back, nor
// another client.
func TestABrokenCursorDoesNotStopScans(t *testing.T) {
	for value, expires := range map[string]time.Duration{"paused": time.Hour, "paused for ever": 0, "what?": 0} {
		t.Run(value, func(t *testing.T) {
			b := newRig(t)
			q := b.open("c", shortLease)
			must(t, q.Open(t.Context()))
			push(t, b.client, "record")
			b.hold("dead", 1)
			value, _, _ := strings.Cut(value, " ")
			must(t, b.client.Set(t.Context(), "{s}:scan", value, expires).Err())
			settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 1))
		})
	}
}

// TestEntriesOfADeadWorkerAreShared among the running workers.
func TestEntriesOfADeadWorkerAreShared(t *testing.T) {
	const workers, left = 4, 4000
	b := newRig(t)
	must(t, b.open("c", nil).Open(t.Context()))
	b.addMany(left)
	b.hold("dead", left)
	var mu sync.Mutex
	share, sum := map[*streams.Stream]int{}, 0
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for i := range workers {
		q := b.open(fmt.Sprint("worker ", i), shortLease)
		group.Go(func() {
			for ctx.Err() == nil {
				got, err := q.Receive(ctx, 100)
				if err == nil && len(got) > 0 {
					time.Sleep(20 * time.Millisecond) // the work
					_, err = q.Settle(ctx, streamstest.All(record.Ingested, got))
				}
				if err != nil {
					if ctx.Err() == nil {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				share[q] += len(got)
				sum += len(got)
				mu.Unlock()
			}
		})
	}
	env.Eventually(t, soon, func() (bool, string) {
		mu.Lock()
		defer mu.Unlock()
		return sum >= left, fmt.Sprint(sum)
	})
	cancel()
	group.Wait()
	for q, n := range share {
		if n < left/workers/4 {
			t.Errorf("a worker got %d of %d: %p", n, left, q)
		}
	}
	if len(share) != workers {
		t.Errorf("%d of %d workers claimed something", len(share), workers)
	}
}

// TestIdleWorkersScanRarely while nothing is pending.
func TestIdleWorkersScanRarely(t *testing.T) {
	const passes, workers = 3, 3
	b := newRig(t)
	must(t, b.open("c", nil).Open(t.Context()))
	stop := b.receiving(workers, func(ctx context.Context, q *streams.Stream) error {
		_, err := q.Receive(ctx, 500)
		return err
	})
	defer stop()
	env.Eventually(t, soon, func() (bool, string) { return b.calls("set") > 0, "no scan" })
	first, begun, before := b.calls("set"), time.Now(), b.calls("get")
	env.Eventually(t, 5*soon, func() (bool, string) {
		return b.calls("set") >= first+passes, "no further scan"
	})
	took, calls := time.Since(begun), b.calls("get")-before
	t.Logf("%d workers called %d times in %v to look %d times", workers, calls, took, passes)
	if took < (passes-1)*time.Second {
		t.Errorf("%d scans in %v, want one in two seconds", passes, took)
	}
	if most := int64(workers * (took.Seconds() + 1)); calls > most {
		t.Errorf("%d calls in %v, want %d at most", calls, took, most)
	}
}

// TestALongPendingListDoesNotDelayNewEntries: Redis looks at ten times
// as many entries as it may claim in a call, and small batches claim few.
func TestALongPendingListDoesNotDelayNewEntries(t *testing.T) {
	const pending = 50_000
	b := newRig(t, env.WithConfig("appendonly", "no"))
	q := b.open("c", nil)
	must(t, q.Open(t.Context()))
	for range pending / 10_000 {
		b.addMany(10_000)
	}
	b.hold("busy", pending)
	id := push(t, b.client, "new")
	if got := streamstest.Receive(t, q, 1)[0]; got.ID != id {
		t.Fatalf("received %s", got.ID)
	}
	if looked := b.calls("xautoclaim"); looked > pending/10/2 {
		t.Errorf("%d scans before a new entry was read", looked)
	}
	env.Eventually(t, soon, func() (bool, string) { // it still completes the scan
		_, err := q.Receive(t.Context(), 1)
		must(t, err)
		return b.client.Get(t.Context(), "{s}:scan").Val() == "paused", "the scan does not end"
	})
}
