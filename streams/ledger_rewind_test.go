package streams_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

func (b *rig) setID(id string) {
	b.t.Helper()
	must(b.t, b.client.XGroupSetID(b.t.Context(), "s", "g", id).Err())
}

// awaitLossDetection runs the upkeep until losses were detected, after which it
// looks for idle consumers.
func (b *rig) awaitLossDetection(q *streams.Stream) {
	b.t.Helper()
	before := b.calls("xinfo|consumers")
	b.maintained(q, func() (bool, string) { return b.calls("xinfo|consumers") > before, "no loss detection" })
}

// wantRewind checks that one new epoch has begun and was logged.
func (b *rig) wantRewind(words string) map[string]any {
	b.t.Helper()
	lines := b.log.find("group_recreated")
	if len(lines) != 1 || !strings.Contains(fmt.Sprint(lines[0]["reason"]), words) || lines[0]["status"] != "error" {
		b.t.Fatalf("logged %v, want one line with %q", lines, words)
	}
	return lines[0]
}

func TestEntriesAreCountedOnceAfterTheGroupWasSetBack(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	b.pushMany(50)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 50))
	b.setID("0")
	again := streamstest.Receive(t, q, 50)
	for _, d := range again {
		if !d.Redelivered {
			t.Fatalf("%s was settled before, but is not marked", d.ID)
		}
	}
	settleAll(t, q, record.Ingested, again)
	b.wantRewind("set back")
	a := b.wantBalanced()
	if a.Epoch != 2 || a.Outcomes[record.Ingested] != 50 || a.IngestedBefore != 50 || a.Missing != 0 || a.GoneBefore != 0 {
		t.Errorf("%+v", a)
	}
	if notes := strings.Join(a.Notes(), "\n"); !strings.Contains(notes, "set back") {
		t.Errorf("notes %q", notes)
	}
	if d := streams.CompareDocuments(a, 50, 0, a); !d.Holds() {
		t.Errorf("%s", d.Fault())
	}
	b.awaitLossDetection(q)
	b.wantRewind("set back")
	b.wantBalanced()
}

// A worker that has read nothing yet can't tell from what it reads.
func TestLossDetectionNoticesThatTheGroupWasSetBack(t *testing.T) {
	b := newRig(t)
	first := b.open("first", nil)
	b.pushMany(20)
	settleAll(t, first, record.Ingested, streamstest.Receive(t, first, 20))
	b.setID("0")
	other := b.open("other", nil)
	settleAll(t, other, record.Ingested, streamstest.Receive(t, other, 12))
	b.awaitLossDetection(other)
	settleAll(t, other, record.Ingested, streamstest.Receive(t, other, 8))
	b.awaitLossDetection(other)
	b.wantRewind("set back")
	b.wantBalanced()
}

// Under a backlog losses are not counted yet, and may outnumber what the group was
// set back over. Reading an entry before the last one read is proof enough. Ten of
// the twenty losses can't be told from the ten entries counted twice.
func TestTheGroupIsSetBackWhileLossesAreUncounted(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	ids := b.pushMany(100)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 50))
	must(t, b.client.XDel(t.Context(), "s", ids[60:80]...).Err())
	must(t, q.DetectLossesOnce(t.Context()))
	b.setID(ids[39])
	again := streamstest.Receive(t, q, 12)
	for i, d := range again {
		if !d.Redelivered {
			t.Errorf("entry %d of the second delivery is not marked", i)
		}
	}
	b.wantRewind("set back")
	settleAll(t, q, record.Ingested, again)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 28))
	b.awaitLossDetection(q)
	a := b.wantBalanced()
	if a.Epoch != 2 || a.Missing != 10 || a.Outcomes[record.Ingested] != 40 || a.IngestedBefore != 50 {
		t.Errorf("%+v", a)
	}
}

// A read that Redis answered before the group was set back, and that returns after the
// new epoch was noticed, does not look like another set-back.
func TestALateReadIsNoSetBack(t *testing.T) {
	b := newRig(t)
	ids := b.pushMany(40)
	var q *streams.Stream
	var late atomic.Bool
	client := newClient(t, b.server)
	client.(*redis.Client).AddHook(around{name: "xreadgroup", after: func() {
		if late.CompareAndSwap(true, false) {
			b.setID(ids[9])
			must(t, q.DetectLossesOnce(t.Context()))
		}
	}})
	q = b.open("late", func(o *streams.StreamOptions) { o.Client = client })
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 20))
	must(t, q.DetectLossesOnce(t.Context()))
	late.Store(true)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 30))
	b.awaitLossDetection(q)
	b.wantRewind("set back")
	if a := b.wantBalanced(); a.Epoch != 2 || a.Outcomes[record.Ingested] != 30 {
		t.Errorf("%+v", a)
	}
}

// Held entries over which the group is set back are delivered again and count once.
func TestTheGroupIsSetBackOverHeldEntries(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	ids := b.pushMany(30)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
	held := streamstest.Receive(t, q, 10)
	b.awaitLossDetection(q)
	b.setID(ids[4])
	b.awaitLossDetection(q)
	b.wantRewind("set back")
	if a := b.wantBalanced(); a.Pending != 0 || a.Undelivered != 25 {
		t.Errorf("%d pending, %d undelivered", a.Pending, a.Undelivered)
	}
	settleAll(t, q, record.Ingested, held)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 25))
	if a := b.wantBalanced(); a.Outcomes[record.Ingested] != 25 || a.Epoch != 2 {
		t.Errorf("%+v", a)
	}
}

// Entries deleted while they were held are not delivered again: they are missing,
// unless their holder settles them.
func TestTheGroupIsSetBackOverDeletedEntries(t *testing.T) {
	b := newRig(t)
	q := b.open("c", shortLease)
	ids := b.pushMany(30)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
	held := streamstest.Receive(t, q, 10)
	b.deleteAll(held[:3])
	must(t, q.DetectLossesOnce(t.Context()))
	b.setID(ids[4])
	must(t, q.DetectLossesOnce(t.Context()))
	b.wantRewind("set back")
	settleAll(t, q, record.Ingested, held[:1])
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 22))
	b.receiveUntil(q, 2)
	if a := b.wantBalanced(); a.Outcomes[record.Ingested] != 23 {
		t.Errorf("%+v", a)
	}
}

// work until nothing is unfinished.
func (b *rig) worker(ctx context.Context, name string) (q *streams.Stream, run func()) {
	q = b.open(name, func(o *streams.StreamOptions) { o.PollTimeout = 20 * time.Millisecond })
	var running sync.WaitGroup
	running.Go(func() { q.Maintain(ctx) })
	running.Go(func() {
		for ctx.Err() == nil {
			held, err := q.Receive(ctx, 20)
			if err == nil {
				_, err = q.Settle(b.t.Context(), streamstest.All(record.Ingested, held))
			}
			if err != nil {
				b.t.Errorf("%s: %v", name, err)
				return
			}
		}
	})
	return q, running.Wait
}

func TestTheGroupIsSetBackUnderLoad(t *testing.T) {
	b := newRig(t)
	b.fill(500)
	ctx, stop := context.WithCancel(t.Context())
	_, first := b.worker(ctx, "first")
	_, other := b.worker(ctx, "other")
	entries, err := b.client.XRange(t.Context(), "s", "-", "+").Result()
	must(t, err)
	for _, n := range []int{0, 50, 0} {
		env.Eventually(t, soon, func() (bool, string) { a := b.account(); return a.Undelivered < 400, fmt.Sprintf("%+v", a) })
		b.setID(entries[n].ID)
		b.fill(200)
	}
	env.Eventually(t, soon, func() (bool, string) {
		a := b.account()
		return a.Unfinished() == 0 && a.Epoch > 1 && a.Verdict() == streams.Balanced, fmt.Sprintf("%s %q %+v", a.Verdict(), a.Faults(), a)
	})
	stop()
	first()
	other()
	if b.log.has("entries_missing") {
		t.Errorf("logged %v", b.log.find("entries_missing"))
	}
	a := b.wantBalanced()
	if a.Missing+a.MissingBefore > 0 {
		t.Errorf("%+v", a)
	}
	if d := streams.CompareDocuments(a, 1100, 0, a); !d.Holds() {
		t.Errorf("%+v: %s", d, d.Fault())
	}
}

// Trimmed and kept entries of one epoch do not unbalance the next.
func TestTrimmingContinuesAfterTheGroupWasSetBack(t *testing.T) {
	b := newRig(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.Retention = -1 })
	ids := b.pushMany(30)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 30))
	b.setID(ids[19])
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
	b.wantRewind("set back")
	if a := b.wantBalanced(); a.Length != 30 || a.Added-a.Base != 10 || a.GoneBefore != 0 {
		t.Errorf("%+v", a)
	}
	short := b.open("short", func(o *streams.StreamOptions) { o.Retention = 0 })
	b.maintained(short, func() (bool, string) { return b.account().Length == 0, "not trimmed" })
	if a := b.wantBalanced(); a.Gone() != 0 || a.Trimmed != 10 {
		t.Errorf("%+v", a)
	}
}

// snapshot saves the partition; the returned function restores it, as if a replica
// that lagged behind had taken over.
func (b *rig) snapshot() (failOver func()) {
	b.t.Helper()
	keys, err := b.client.Keys(b.t.Context(), "*").Result()
	must(b.t, err)
	kept := map[string]string{}
	for _, key := range keys {
		kept[key] = b.client.Dump(b.t.Context(), key).Val()
	}
	return func() {
		b.t.Helper()
		pipe := b.client.TxPipeline()
		for _, key := range b.client.Keys(b.t.Context(), "*").Val() {
			if kept[key] == "" {
				pipe.Del(b.t.Context(), key)
			}
		}
		for key, value := range kept {
			pipe.RestoreReplace(b.t.Context(), key, 0, value)
		}
		_, err := pipe.Exec(b.t.Context())
		must(b.t, err)
	}
}

// interrupt breaks the connection on which the queue waits for entries.
func (b *rig) interrupt(q *streams.Stream) {
	b.t.Helper()
	ended := make(chan error)
	go func() {
		for {
			if _, err := q.Receive(b.t.Context(), 1); err != nil {
				ended <- err
				return
			}
		}
	}()
	env.Eventually(b.t, soon, func() (bool, string) {
		b.client.ClientKillByFilter(b.t.Context(), "TYPE", "normal", "SKIPME", "yes")
		select {
		case err := <-ended:
			return true, err.Error()
		default:
			return false, "still waiting"
		}
	})
}

func TestAFailoverToAnEarlierStateIsDetected(t *testing.T) {
	for name, test := range map[string]struct {
		after func(b *rig, q *streams.Stream)
	}{
		"by loss detection": {func(b *rig, q *streams.Stream) { b.awaitLossDetection(q) }},
		"by loss detection after more has come, and was read, and Redis had failed": {func(b *rig, q *streams.Stream) {
			b.fill(20)
			settleAll(b.t, q, record.Ingested, streamstest.Receive(b.t, q, 20))
			b.awaitLossDetection(q)
		}},
		"by loss detection after more has come": {func(b *rig, q *streams.Stream) {
			b.fill(2)
			b.awaitLossDetection(q)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			q := b.open("c", nil)
			b.pushMany(10)
			held := streamstest.Receive(t, q, 10)
			settleAll(t, q, record.Ingested, held[:5])
			failOver := b.snapshot()
			settleAll(t, q, record.Ingested, held[5:])
			lost := b.pushMany(7)
			settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 7))
			b.awaitLossDetection(q)
			b.interrupt(q)
			failOver()
			test.after(b, q)
			line := b.wantRewind("Redis has gone back")
			if line["after"] != held[9].ID {
				t.Errorf("logged %v, want entries lost after %s", line, held[9].ID)
			}
			a := b.wantBalanced()
			for _, id := range lost {
				if !a.Lost(id) {
					t.Errorf("%s was lost, but is not in %+v", id, a.Rewinds)
				}
			}
			if a.Lost(held[9].ID) || a.Lost(a.LastEntry) || a.Epoch != 2 {
				t.Errorf("%+v", a)
			}
			if notes := strings.Join(a.Notes(), "\n"); !strings.Contains(notes, "gone back") || !strings.Contains(strings.Join(a.Losses(), "\n"), "lost the entries between") {
				t.Errorf("notes %q", notes)
			}
			b.awaitLossDetection(q)
			b.wantRewind("Redis has gone back")
		})
	}
}

// TestADeletionDuringAFailureIsNoRewind has another client delete the last entry
// that was read, which otherwise looks like a failover that lost it.
func TestADeletionDuringAFailureIsNoRewind(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	ids := b.pushMany(10)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
	b.awaitLossDetection(q)
	b.interrupt(q)
	must(t, b.client.XDel(t.Context(), "s", ids[9]).Err())
	b.pushMany(5)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 5))
	b.awaitLossDetection(q)
	if b.log.has("group_recreated") || b.ledger("epoch") != "1" {
		t.Errorf("epoch %s, logged %v", b.ledger("epoch"), b.log.find("group_recreated"))
	}
}

func TestAFlushIsReportedOnceByTwoWorkers(t *testing.T) {
	b := newRig(t)
	first, other := b.open("first", nil), b.open("other", nil)
	b.pushMany(20)
	settleAll(t, first, record.Ingested, streamstest.Receive(t, first, 10))
	settleAll(t, other, record.Ingested, streamstest.Receive(t, other, 10))
	b.awaitLossDetection(other)
	must(t, b.client.FlushAll(t.Context()).Err())
	b.pushMany(4)
	settleAll(t, first, record.Ingested, streamstest.Receive(t, first, 4))
	b.awaitLossDetection(other)
	b.wantRewind("vanished")
	b.wantBalanced()
}
