package streams_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
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

const soon = 60 * time.Second

// rig is a stream on a real Redis, with functions to inspect it.
type rig struct {
	t      *testing.T
	server *env.RedisServer
	client redis.UniversalClient
	log    *journal
}

func newRig(t *testing.T, options ...env.RedisOption) *rig {
	server := env.Redis(t, options...)
	return &rig{t: t, server: server, client: newClient(t, server), log: &journal{}}
}

func (b *rig) open(consumer string, change func(*streams.StreamOptions)) *streams.Stream {
	opts := streamOptions(b.client, consumer)
	opts.Log = slog.New(slog.NewJSONHandler(b.log, nil))
	if change != nil {
		change(&opts)
	}
	return newStream(b.t, opts)
}

func newStream(t *testing.T, opts streams.StreamOptions) *streams.Stream {
	t.Helper()
	s, err := streams.NewStream(opts)
	must(t, err)
	return s
}

func newList(t *testing.T, opts streams.ListOptions) *streams.List {
	t.Helper()
	l, err := streams.NewList(opts)
	must(t, err)
	return l
}

func (b *rig) ledger(field string) string {
	return b.client.HGet(b.t.Context(), "{s}:ledger", field).Val()
}

func (b *rig) pending() int64 {
	p, err := b.client.XPending(b.t.Context(), "s", "g").Result()
	must(b.t, err)
	return p.Count
}

func (b *rig) wantLedger(want map[string]string) {
	b.t.Helper()
	for field, value := range want {
		if got := b.ledger(field); got != value {
			b.t.Errorf("ledger %s = %q, want %q", field, got, value)
		}
	}
}

// journal collects log lines and finds events in them.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, string(bytes.TrimSpace(p)))
	return len(p), nil
}

func (j *journal) has(event string) bool { return len(j.find(event)) > 0 }

// find returns the lines of an event.
func (j *journal) find(event string) []map[string]any {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []map[string]any
	for _, l := range j.lines {
		var line map[string]any
		if json.Unmarshal([]byte(l), &line) == nil && line["msg"] == event {
			found = append(found, line)
		}
	}
	return found
}

func shortLease(o *streams.StreamOptions) { o.ClaimIdle = 200 * time.Millisecond }

func settleAll(t *testing.T, q streams.Queue, o record.Outcome, held []streams.Delivery) streams.Settled {
	t.Helper()
	done, err := q.Settle(t.Context(), streamstest.All(o, held))
	must(t, err)
	return done
}

func TestEntriesOfADeadConsumerAreClaimed(t *testing.T) {
	b := newRig(t)
	dead, alive := b.open("dead", shortLease), b.open("alive", shortLease)
	for i := range 30 {
		push(t, b.client, fmt.Sprintf("record %d", i))
	}
	streamstest.Receive(t, dead, 30)
	held := streamstest.Receive(t, alive, 30)
	for _, d := range held {
		if d.Deliveries != 2 {
			t.Fatalf("delivery %[2]d of %[1]s, want the second", d.ID, d.Deliveries)
		}
	}
	settleAll(t, alive, record.Ingested, held)
	if n := b.pending(); n != 0 {
		t.Errorf("%d entries pending", n)
	}
	if !b.log.has("claimed") {
		t.Error("nothing was logged")
	}
	b.wantLedger(map[string]string{"ingested": "30"})
}

func TestAnEmptyPageIsNotTheEndOfTheScan(t *testing.T) {
	b := newRig(t)
	holder, dead, alive := b.open("holder", shortLease), b.open("dead", shortLease), b.open("alive", shortLease)
	for range 41 {
		push(t, b.client, "record")
	}
	held := streamstest.Receive(t, holder, 40)
	last := streamstest.Receive(t, dead, 1)
	env.Eventually(t, soon, func() (bool, string) {
		_, err := holder.Extend(t.Context(), held)
		must(t, err)
		got, err := alive.Receive(t.Context(), 1)
		must(t, err)
		return len(got) == 1 && got[0].ID == last[0].ID, fmt.Sprintf("received %v, want the entry behind 40 leased ones", got)
	})
}

func TestAnExtendedLeaseIsNotClaimed(t *testing.T) {
	b := newRig(t)
	slow, other := b.open("slow", shortLease), b.open("other", shortLease)
	push(t, b.client, "record")
	held := streamstest.Receive(t, slow, 1)
	end := time.Now().Add(time.Second)
	for time.Now().Before(end) {
		lost, err := slow.Extend(t.Context(), held)
		must(t, err)
		if len(lost) > 0 {
			t.Fatal("the lease was lost while it was extended")
		}
		if got, err := other.Receive(t.Context(), 1); err != nil || len(got) > 0 {
			t.Fatalf("another consumer received %v, %v", got, err)
		}
	}
}

// A consumer that holds nothing is not idle either, as long as it calls Extend.
func TestExtendIsASignOfLife(t *testing.T) {
	b := newRig(t)
	q := b.open("waits", nil)
	must(t, b.client.XGroupCreateMkStream(t.Context(), "s", "g", "0").Err())
	extend := func() {
		lost, err := q.Extend(t.Context(), nil)
		must(t, err)
		if len(lost) > 0 {
			t.Errorf("lost %v, which was not held", lost)
		}
	}
	idle := func() time.Duration {
		list, err := b.client.XInfoConsumers(t.Context(), "s", "g").Result()
		must(t, err)
		if len(list) != 1 || list[0].Name != "waits" || list[0].Pending != 0 {
			t.Fatalf("the consumers are %+v", list)
		}
		return list[0].Idle
	}
	extend()
	push(t, b.client, "record")
	env.Eventually(t, soon, func() (bool, string) { return idle() > 20*time.Millisecond, "the consumer does not get idle" })
	before := idle()
	extend()
	if after := idle(); after >= before {
		t.Errorf("idle for %v, and for %v after a sign of life", before, after)
	}
	if got := streamstest.Receive(t, q, 1); len(got) != 1 {
		t.Errorf("received %v, want what was pushed", got)
	}
	must(t, b.client.XGroupDestroy(t.Context(), "s", "g").Err())
	extend()
}

func TestAFrozenConsumerDoesNotTakeBack(t *testing.T) {
	b := newRig(t)
	frozen, other := b.open("frozen", shortLease), b.open("other", shortLease)
	push(t, b.client, "record")
	stale := streamstest.Receive(t, frozen, 1)
	held := streamstest.Receive(t, other, 1)

	lost, err := frozen.Extend(t.Context(), stale)
	must(t, err)
	if len(lost) != 1 {
		t.Error("Extend did not report the lost lease")
	}
	must(t, frozen.Nack(t.Context(), stale))
	done := settleAll(t, frozen, record.Invalid, stale)
	if done.Count != 0 || len(done.Lost) != 1 {
		t.Errorf("a refusal by a former holder: %+v", done)
	}
	settleAll(t, other, record.Ingested, held)
	if done := settleAll(t, frozen, record.Ingested, stale); done.Count != 0 {
		t.Errorf("settled again: %+v", done)
	}
	b.wantLedger(map[string]string{"ingested": "1", "validation_failed": "", "dead": "0"})
}

func TestTheFirstToSettleAnAcceptedEntryCounts(t *testing.T) {
	b := newRig(t)
	frozen, other := b.open("frozen", shortLease), b.open("other", shortLease)
	push(t, b.client, "record")
	stale := streamstest.Receive(t, frozen, 1)
	held := streamstest.Receive(t, other, 1)
	settleAll(t, frozen, record.Ingested, stale)
	settleAll(t, other, record.Ingested, held)
	b.wantLedger(map[string]string{"ingested": "1"})
}

func TestAVanishedGroupIsRecreated(t *testing.T) {
	for name, vanish := range map[string]func(*rig){
		"destroyed": func(b *rig) { must(b.t, b.client.XGroupDestroy(b.t.Context(), "s", "g").Err()) },
		"flushed":   func(b *rig) { must(b.t, b.client.FlushAll(b.t.Context()).Err()) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			q := b.open("c", nil)
			push(t, b.client, "first")
			settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 1))
			vanish(b)
			push(t, b.client, "second")
			env.Eventually(t, soon, func() (bool, string) {
				got, err := q.Receive(t.Context(), 10)
				must(t, err)
				bodies := streamstest.Bodies(got)
				settleAll(t, q, record.Ingested, got)
				return len(bodies) > 0 && bodies[len(bodies)-1] == "second", fmt.Sprint(bodies)
			})
			if !b.log.has("group_recreated") {
				t.Error("it was not logged")
			}
		})
	}
}

func TestTheLedgerBelongsToOneGroup(t *testing.T) {
	b := newRig(t)
	must(t, b.open("c", nil).Open(t.Context()))
	err := b.open("c", func(o *streams.StreamOptions) { o.Group = "other" }).Open(t.Context())
	if err == nil || !strings.Contains(err.Error(), `by group "g"`) {
		t.Errorf("a second service group: %v", err)
	}
}

func TestAtMaxmemoryRefusalsStayPending(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	push(t, b.client, "good")
	push(t, b.client, "bad")
	held := streamstest.Receive(t, q, 2)
	setMemory := func(limit string) { must(t, b.client.ConfigSet(t.Context(), "maxmemory", limit).Err()) }
	setMemory("1")
	settlements := append(streamstest.All(record.Ingested, held[:1]), streamstest.All(record.Malformed, held[1:])...)
	done, err := q.Settle(t.Context(), settlements)
	must(t, err)
	if done.Count != 1 || len(done.Kept) != 1 || done.Kept[0] != held[1].ID || done.Cause == nil {
		t.Fatalf("at maxmemory: %+v", done)
	}
	setMemory("0")
	done, err = q.Settle(t.Context(), settlements)
	must(t, err)
	if done.Count != 1 || len(done.Kept) != 0 {
		t.Fatalf("with free memory again: %+v", done)
	}
	b.wantLedger(map[string]string{"ingested": "1", "parse_error": "1", "dead": "1"})
}

func TestDeferredRecordsAreRedelivered(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	id := push(t, b.client, `{"name":"<Žofie> & \u0000"}`)
	held := streamstest.Receive(t, q, 1)
	due := time.Now().Add(300 * time.Millisecond)
	s := streamstest.All(record.Deferred, held)
	s[0].Due = due
	_, err := q.Settle(t.Context(), s)
	must(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	maintained := make(chan struct{})
	go func() {
		defer close(maintained)
		q.Maintain(ctx)
	}()
	again := streamstest.Receive(t, q, 1)
	if time.Now().Before(due) {
		t.Error("it was put back before it was due")
	}
	cancel()
	<-maintained
	d := again[0]
	if d.Origin != id || d.FirstID() != id || d.ID == id || string(d.Body) != string(held[0].Body) || d.AdmitAt != due.UnixMilli() {
		t.Errorf("redelivered as %+v", d)
	}
	b.wantLedger(map[string]string{"deferred": "1", "returned": "1"})
}

func TestTrimmingKeepsUnfinishedEntriesOfAnyGroup(t *testing.T) {
	b := newRig(t)
	ctx := t.Context()
	q := b.open("c", func(o *streams.StreamOptions) { o.Retention = 0 })
	must(t, q.Open(ctx))
	must(t, b.client.XGroupCreate(ctx, "s", "reader", "0").Err())
	for i := range 300 {
		push(t, b.client, fmt.Sprintf("record %d", i))
	}
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 300))
	read, err := b.client.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "reader", Consumer: "r", Streams: []string{"s", ">"}, Count: 120}).Result()
	must(t, err)
	var ids []string
	for _, m := range read[0].Messages[:100] {
		ids = append(ids, m.ID)
	}
	must(t, b.client.XAck(ctx, "s", "reader", ids...).Err())

	maintain, stop := context.WithCancel(ctx)
	maintained := make(chan struct{})
	go func() {
		defer close(maintained)
		q.Maintain(maintain)
	}()
	env.Eventually(t, soon, func() (bool, string) {
		n := b.client.XLen(ctx, "s").Val()
		return n == 200, fmt.Sprintf("%d entries, want those that the other group has not acknowledged: 200", n)
	})
	stop()
	<-maintained
	first, err := b.client.XRangeN(ctx, "s", "-", "+", 1).Result()
	must(t, err)
	if first[0].ID != read[0].Messages[100].ID {
		t.Errorf("the first entry is %s, want the oldest that is pending, %s", first[0].ID, read[0].Messages[100].ID)
	}
	b.wantLedger(map[string]string{"trimmed": "100"})
}

// maintained runs the upkeep until the condition holds.
func (b *rig) maintained(q interface{ Maintain(context.Context) }, condition func() (bool, string)) {
	b.t.Helper()
	ctx, stop := context.WithCancel(b.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		q.Maintain(ctx)
	}()
	env.Eventually(b.t, soon, condition)
	stop()
	<-done
}

// Large commands of producers are refused before small ones of the upkeep.
func TestSettledEntriesAreDeletedCloseToMaxmemory(t *testing.T) {
	b := newRig(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.Retention = -1 })
	for range 50 {
		push(t, b.client, strings.Repeat("x", 1000))
	}
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 50))
	used, err := b.client.InfoMap(t.Context(), "memory").Result()
	must(t, err)
	n, err := strconv.Atoi(used["Memory"]["used_memory"])
	must(t, err)
	must(t, b.client.ConfigSet(t.Context(), "maxmemory", strconv.Itoa(n+700<<10)).Err())
	b.maintained(q, func() (bool, string) { return b.ledger("trimmed") == "50", b.ledger("trimmed") + " trimmed" })
	if !b.log.has("trimmed") {
		t.Error("early deletions were not logged")
	}
}

func TestMaxEntries(t *testing.T) {
	b := newRig(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.MaxEntries = 100 })
	for range 30 {
		pipe := b.client.Pipeline()
		for range 1000 {
			pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", "x"}})
		}
		_, err := pipe.Exec(t.Context())
		must(t, err)
	}
	for range 60 {
		settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 500))
	}
	unsettled := push(t, b.client, "unfinished")
	b.maintained(q, func() (bool, string) {
		n := b.client.XLen(t.Context(), "s").Val()
		return n <= 100, fmt.Sprintf("%d entries, want 100", n)
	})
	if n := b.client.XRange(t.Context(), "s", unsettled, unsettled).Val(); len(n) != 1 {
		t.Error("the unfinished entry was deleted")
	}
}

// The parts of an ID have 64 bits, more than a number in Lua can hold.
func TestTrimmingComparesTheLargestIDs(t *testing.T) {
	b := newRig(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.Retention = 0 })
	const last = "18446744073709551615"
	for _, id := range []string{"99-" + last, "100-18446744073709551613", "100-18446744073709551614", "100-" + last, "101-0"} {
		must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", ID: id, Values: []any{"data", "x"}}).Err())
	}
	held := streamstest.Receive(t, q, 4)
	settleAll(t, q, record.Ingested, held[:2])
	trimmed := func(n string) {
		b.maintained(q, func() (bool, string) { return b.ledger("trimmed") == n, b.ledger("trimmed") + " trimmed" })
	}
	trimmed("2")
	b.wantLedger(map[string]string{"watermark": "100-18446744073709551613"})
	settleAll(t, q, record.Ingested, held[2:])
	trimmed("4")
	b.wantLedger(map[string]string{"watermark": "100-" + last})
	if got := streamstest.Receive(t, q, 1); got[0].ID != "101-0" {
		t.Errorf("received %s", got[0].ID)
	}
}

// Whoever may add entries may choose their IDs. After the greatest one Redis adds no more, and
// refuses to read what would come after it; what is on the stream has to be processed all the same.
func TestTheLastPossibleID(t *testing.T) {
	b := newRig(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.Retention = 0 })
	a := newArchive(t, b.client, "s", "archiver", time.Minute)
	lease(t, a)
	_, err := a.Position(t.Context()) // begins the archive
	must(t, err)
	for _, id := range []string{"1-0", "2-0", streams.LastID} {
		must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", ID: id, Values: []any{"data", "x"}}).Err())
	}
	held, err := q.Receive(t.Context(), 9) // which measures all
	must(t, err)
	if len(held) != 3 {
		t.Fatalf("received %v", held)
	}
	if next, err := b.open("d", nil).Receive(t.Context(), 3); err != nil || len(next) > 0 {
		t.Errorf("received %v, %v after the last ID", next, err)
	}
	b.wantBalanced()
	must(t, q.DetectLossesOnce(t.Context())) // with all three pending
	b.wantBalanced()
	settleAll(t, q, record.Ingested, held)

	all, page := readAll(t, a, "0-0", 1<<20)
	if len(all) != 3 || page.Last != streams.LastID {
		t.Fatalf("archived %d entries up to %s", len(all), page.Last)
	}
	if more, _ := readAll(t, a, streams.LastID, 1<<20); len(more) > 0 {
		t.Errorf("read %d entries after the last ID", len(more))
	}
	must(t, a.Commit(t.Context(), streams.LastID))
	b.maintained(q, func() (bool, string) { return b.ledger("trimmed") == "2", "not trimmed" })
	for range 2 { // the second time, the last one is old enough
		must(t, q.TrimOnce(t.Context()))
	}
	b.wantLength(1) // Redis can't trim the last one by its ID
	b.wantBalanced()
	must(t, a.Release(t.Context()))
	if got, err := streams.DetachArchive(t.Context(), b.client, "s", true); err != nil || got.Waiting {
		t.Errorf("detaching: %+v, %v", got, err)
	}
}

func TestTheArchiveReadsUpToTheLastPossibleID(t *testing.T) {
	b := newRig(t)
	b.pushMany(499) // with the last one as many as make the archive read by larger steps
	must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", ID: streams.LastID, Values: []any{"data", "x"}}).Err())
	a := newArchive(t, b.client, "s", "archiver", time.Minute)
	if all, page := readAll(t, a, "0-0", 1<<20); len(all) != 500 || page.Last != streams.LastID {
		t.Errorf("read %d entries up to %s", len(all), page.Last)
	}
}

func TestTrimmingAfterTheGroupWasRecreated(t *testing.T) {
	b := newRig(t)
	noRetention := func(o *streams.StreamOptions) { o.Retention = 0 }
	q := b.open("c", noRetention)
	for _, id := range []string{"1000-0", "2000-0"} {
		must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", ID: id, Values: []any{"data", "x"}}).Err())
	}
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 2)[:1])
	b.maintained(q, func() (bool, string) { return b.ledger("trimmed") == "1", "not trimmed" })
	b.wantLedger(map[string]string{"watermark": "1999-18446744073709551615"})
	must(t, b.client.XGroupDestroy(t.Context(), "s", "g").Err())
	again := b.open("c2", noRetention)
	must(t, again.Open(t.Context()))
	b.maintained(again, func() (bool, string) { return again.Floor() > 0, "trimming fails" })
	if got := streamstest.Receive(t, again, 1); got[0].ID != "2000-0" {
		t.Errorf("read again from %s", got[0].ID)
	}
}

func TestEntriesDeletedWhilePendingAreCounted(t *testing.T) {
	b := newRig(t)
	dead, alive := b.open("dead", shortLease), b.open("alive", shortLease)
	push(t, b.client, "stays")
	gone := push(t, b.client, "goes")
	streamstest.Receive(t, dead, 2)
	must(t, b.client.XDel(t.Context(), "s", gone).Err())
	settleAll(t, alive, record.Ingested, streamstest.Receive(t, alive, 1))
	env.Eventually(t, soon, func() (bool, string) {
		_, err := alive.Receive(t.Context(), 1)
		must(t, err)
		return b.pending() == 0, "still pending"
	})
	if !b.log.has("entries_missing") {
		t.Error("it was not logged")
	}
	b.wantLedger(map[string]string{"ingested": "1", "missing": "1"})
}

func TestHugeClaimedEntriesAreReadInSmallBatches(t *testing.T) {
	b := newRig(t)
	dead, alive := b.open("dead", shortLease), b.open("alive", shortLease)
	body := strings.Repeat("x", 3<<20)
	for range 6 {
		push(t, b.client, body)
	}
	streamstest.Receive(t, dead, 6)
	received := 0
	env.Eventually(t, soon, func() (bool, string) {
		got, err := alive.Receive(t.Context(), 100)
		must(t, err)
		if len(got) > 2 {
			t.Fatalf("%d entries of 3 MiB in one batch", len(got))
		}
		received += len(got)
		settleAll(t, alive, record.Ingested, got)
		return received == 6, fmt.Sprintf("received %d", received)
	})
}

func TestCloseLeavesTheGroup(t *testing.T) {
	b := newRig(t)
	q, holder := b.open("c", nil), b.open("holder", nil)
	push(t, b.client, "record")
	must(t, q.Open(t.Context()))
	streamstest.Receive(t, holder, 1)
	must(t, q.Close(t.Context()))
	must(t, holder.Close(t.Context()))
	consumers, err := b.client.XInfoConsumers(t.Context(), "s", "g").Result()
	must(t, err)
	if len(consumers) != 1 || consumers[0].Name != "holder" {
		t.Errorf("consumers left: %+v; only the one that holds an entry may stay", consumers)
	}
}

func TestAnEntryWithoutDataKeepsItsFields(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"body", "x", "other", "y"}}).Err())
	held := streamstest.Receive(t, q, 1)
	settleAll(t, q, record.Malformed, held)
	dead, err := b.client.XRange(t.Context(), "{s}:dead", "-", "+").Result()
	must(t, err)
	if got := dead[0].Values["data"]; got != `{"body":"x","other":"y"}` {
		t.Errorf("data = %v", got)
	}
	for _, field := range []string{"event", "reason", "streamId", "deliveries", "failedAt", "worker"} {
		if dead[0].Values[field] == "" || dead[0].Values[field] == nil {
			t.Errorf("the dead letter has no %s", field)
		}
	}
}
