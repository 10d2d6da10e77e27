package streams_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// countHook holds up the calls of a client that continue to count undelivered entries,
// as if there were millions.
type countHook struct {
	around
	begun    chan struct{} // receives when such a call begins
	released chan struct{} // closed when they may go on
	calls    *atomic.Int64
}

func newCountHook() countHook {
	return countHook{begun: make(chan struct{}, 1), released: make(chan struct{}), calls: new(atomic.Int64)}
}

// openHooked opens a queue whose counts are held up.
func (b *rig) openHooked(consumer string, h countHook) *streams.Stream {
	client := newClient(b.t, b.server)
	client.(*redis.Client).AddHook(h)
	return b.open(consumer, func(o *streams.StreamOptions) { o.Client = client })
}

func (h countHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if args := cmd.Args(); len(args) == 12 && args[2] == 4 { // account_read.lua with all its arguments
			h.calls.Add(1)
			select {
			case h.begun <- struct{}{}:
			default:
			}
			select {
			case <-h.released:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return next(ctx, cmd)
	}
}

// nthID is the ID of the nth entry on the stream.
func (b *rig) nthID(n int) string {
	b.t.Helper()
	entries, err := b.client.XRangeN(b.t.Context(), "s", "-", "+", int64(n)).Result()
	must(b.t, err)
	return entries[n-1].ID
}

// wantMarked receives entries that were settled before and settles them again.
func wantMarked(t *testing.T, q *streams.Stream, n int) {
	t.Helper()
	batch := streamstest.Receive(t, q, n)
	for _, d := range batch {
		if !d.Redelivered {
			t.Fatalf("%s was settled before, but is not marked", d.ID)
		}
	}
	settleAll(t, q, record.Ingested, batch)
}

// TestAReaderDoesNotCountForLong: with many entries on both sides of the last delivered
// one, the reader goes on, and loss detection begins the epoch.
func TestAReaderDoesNotCountForLong(t *testing.T) {
	b := newRig(t)
	h := newCountHook()
	close(h.released)
	q := b.openHooked("c", h)
	b.fill(60_000)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 3500))
	b.setID(b.nthID(2500))
	wantMarked(t, q, 100)
	wantMarked(t, q, 100)
	if n := h.calls.Load(); n > 20 || b.ledger("epoch") != "1" {
		t.Errorf("epoch %s after %d calls to count", b.ledger("epoch"), n)
	}
	must(t, q.DetectLossesOnce(t.Context()))
	b.wantRewind("set back")
	if a := b.wantBalanced(); a.Epoch != 2 || a.Missing != 0 || a.IngestedBefore != 3700 || a.Added-a.Base != 57_300 {
		t.Errorf("%+v", a)
	}
}

// TestAReaderDoesNotWaitForACount: loss detection counts, and the reader goes on.
func TestAReaderDoesNotWaitForACount(t *testing.T) {
	b := newRig(t)
	h := newCountHook()
	q := b.openHooked("c", h)
	b.fill(7000)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 3500))
	must(t, q.DetectLossesOnce(t.Context()))
	b.setID(b.nthID(2500))
	counted := make(chan error)
	go func() { counted <- q.DetectLossesOnce(t.Context()) }()
	<-h.begun
	read := make(chan struct{})
	go func() {
		defer close(read)
		wantMarked(t, q, 100)
		wantMarked(t, q, 100)
	}()
	select {
	case <-read:
		close(h.released)
	case <-time.After(soon):
		close(h.released)
		<-read
		t.Error("the reader waits")
	}
	must(t, <-counted)
	b.wantRewind("set back")
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 4300))
	must(t, q.DetectLossesOnce(t.Context()))
	if a := b.wantBalanced(); a.Epoch != 2 || a.Missing != 0 || a.IngestedBefore != 3700 || a.Outcomes[record.Ingested] != 4300 {
		t.Errorf("%+v", a)
	}
}

// TestACountEndsWithTheEpoch: several workers count. Once the first of them has begun
// an epoch, the others stop.
func TestACountEndsWithTheEpoch(t *testing.T) {
	b := newRig(t)
	h := newCountHook()
	slow, fast := b.openHooked("slow", h), b.open("fast", nil)
	b.fill(12_000)
	settleAll(t, slow, record.Ingested, streamstest.Receive(t, slow, 4000))
	must(t, slow.DetectLossesOnce(t.Context()))
	must(t, fast.DetectLossesOnce(t.Context()))
	b.setID(b.nthID(2500))
	ended := make(chan error)
	go func() { ended <- slow.DetectLossesOnce(t.Context()) }()
	<-h.begun
	must(t, fast.DetectLossesOnce(t.Context()))
	close(h.released)
	must(t, <-ended)
	if n := h.calls.Load(); n > 1 {
		t.Errorf("%d calls to count entries of an epoch that has ended", n)
	}
	b.wantRewind("set back")
	b.wantBalanced()
}

// TestAFailoverThatLosesOnlyReads: a replica that lagged behind takes over. It has all
// entries, but does not know that some were read and settled.
func TestAFailoverThatLosesOnlyReads(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	b.pushMany(20)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
	failOver := b.snapshot()
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 5))
	failOver()
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
	must(t, q.DetectLossesOnce(t.Context()))
	b.wantRewind("failover")
	if a := b.wantBalanced(); a.Epoch != 2 || a.Outcomes[record.Ingested] != 10 || a.IngestedBefore != 10 || a.Rewinds[0].WentBack {
		t.Errorf("%+v", a)
	}
}

// awaitNewIDs waits until the IDs of new entries are greater than a lost one.
func (b *rig) awaitNewIDs(lost string) {
	b.t.Helper()
	ms, _, _ := strings.Cut(lost, "-")
	env.Eventually(b.t, soon, func() (bool, string) {
		now, err := b.client.Time(b.t.Context()).Result()
		must(b.t, err)
		return fmt.Sprint(now.UnixMilli()) > ms, "it is still " + ms
	})
}

// TestAFailoverIsDetectedByReading: the entries read again and new ones come in one
// batch, and the last entry read before is lost.
func TestAFailoverIsDetectedByReading(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	kept := b.pushMany(10)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 5))
	failOver := b.snapshot()
	lost := b.pushMany(7)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 12))
	failOver()
	b.awaitNewIDs(lost[6])
	b.pushMany(3)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 8))
	if line := b.wantRewind("Redis has gone back"); line["after"] != kept[9] {
		t.Errorf("logged %v, want entries lost after %s", line, kept[9])
	}
	if a := b.wantBalanced(); a.Epoch != 2 || !a.Lost(lost[6]) {
		t.Errorf("%+v", a)
	}
}

// TestTheGroupIsSetBackOverTrimmedEntries: no entry is lost, though another client has
// trimmed all that were read.
func TestTheGroupIsSetBackOverTrimmedEntries(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	b.pushMany(10)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
	must(t, q.DetectLossesOnce(t.Context()))
	must(t, b.client.XTrimMaxLen(t.Context(), "s", 0).Err())
	b.setID("0")
	b.pushMany(3)
	must(t, q.DetectLossesOnce(t.Context()))
	line := b.wantRewind("set back")
	if line["after"] != nil {
		t.Errorf("logged %v", line)
	}
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 3))
	must(t, q.DetectLossesOnce(t.Context()))
	b.wantRewind("set back")
	if a := b.wantBalanced(); a.Rewinds[0].WentBack || a.Outcomes[record.Ingested] != 3 {
		t.Errorf("%+v", a)
	}
}

// TestTheGroupIsSetBackWithoutAnAccount: no epoch can begin, but entries are marked.
func TestTheGroupIsSetBackWithoutAnAccount(t *testing.T) {
	b := newRig(t)
	ids := b.pushMany(5)
	must(t, b.client.XGroupCreate(t.Context(), "s", "g", "0").Err())
	b.hold("another", 5)
	must(t, b.client.XAck(t.Context(), "s", "g", ids...).Err())
	q := b.open("c", nil)
	must(t, q.Open(t.Context()))
	b.pushMany(10)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
	b.setID(ids[4])
	for range 2 {
		again := streamstest.Receive(t, q, 5)
		for _, d := range again {
			if !d.Redelivered {
				t.Errorf("%s was settled before, but is not marked", d.ID)
			}
		}
		settleAll(t, q, record.Ingested, again)
		must(t, q.DetectLossesOnce(t.Context()))
	}
	if b.log.has("group_recreated") || b.ledger("epoch") != "1" {
		t.Errorf("epoch %s, logged %v", b.ledger("epoch"), b.log.find("group_recreated"))
	}
}
