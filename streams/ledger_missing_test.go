package streams_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

func (b *rig) number(field string) int64 {
	n, _ := strconv.ParseInt(b.ledger(field), 10, 64)
	return n
}

func (b *rig) pushMany(n int) []string {
	b.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = push(b.t, b.client, fmt.Sprintf("record %d", i))
	}
	return ids
}

// wantBalance checks both equations of the account; gone entries were deleted by
// other clients.
func (b *rig) wantBalance(gone int64) {
	b.t.Helper()
	info, err := b.client.XInfoStream(b.t.Context(), "s").Result()
	must(b.t, err)
	added := info.EntriesAdded - b.number("base")
	if have := b.number("trimmed") + info.Length + gone; added != have {
		b.t.Errorf("%d entries added, %d trimmed, on the stream or gone", added, have)
	}
	settled := int64(0)
	for _, o := range record.Outcomes() {
		settled += b.number(o.String())
	}
	if have := settled + int64(unfinished(b.t, b.client)) + b.number("missing"); added != have {
		b.t.Errorf("%d entries added, %d settled, unfinished or missing", added, have)
	}
}

func TestUnreadEntriesTrimmedByOtherClientsAreCounted(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	b.pushMany(100)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 30))
	held := streamstest.Receive(t, q, 20)
	must(t, b.client.XTrimMaxLen(t.Context(), "s", 10).Err())
	b.maintained(q, func() (bool, string) { return b.log.has("entries_missing"), "it is not logged" })
	line := b.log.find("entries_missing")[0]
	if line["count"] != 40.0 || line["after"] != held[19].ID {
		t.Errorf("logged %v, want 40 unread, after %s", line, held[19].ID)
	}
	b.wantLedger(map[string]string{"missing": "40"})
	b.wantBalance(90)

	settleAll(t, q, record.Ingested, held)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
	other := b.open("another looks for the first time", nil)
	b.maintained(other, func() (bool, string) { return other.Floor() > 0, "no upkeep" })
	b.wantLedger(map[string]string{"missing": "40", "ingested": "60"})
	b.wantBalance(90)
}

func TestDeletedUnreadEntriesAreCountedAtRest(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	ids := b.pushMany(50)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
	must(t, b.client.XDel(t.Context(), "s", ids[3], ids[20], ids[30]).Err())
	b.maintained(q, func() (bool, string) { return q.Floor() > 0, "no upkeep" })
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 38))
	b.maintained(q, func() (bool, string) { return b.ledger("missing") == "2", "missing: " + b.ledger("missing") })
	b.wantLedger(map[string]string{"missing": "2", "ingested": "48"})
	b.wantBalance(3)
}

func TestDeletedEntriesOfARunningWorkerAreNotMissing(t *testing.T) {
	b := newRig(t)
	living, dead, other := b.open("living", nil), b.open("dead", nil), b.open("other", shortLease)
	b.pushMany(30)
	held, lost := streamstest.Receive(t, living, 10), streamstest.Receive(t, dead, 10)
	must(t, b.client.XTrimMaxLen(t.Context(), "s", 5).Err())
	settleAll(t, other, record.Ingested, streamstest.Receive(t, other, 5))
	long := b.open("other", nil) // by its lease nothing has expired
	if got, err := long.Receive(t.Context(), 10); err != nil || len(got) > 0 || b.ledger("missing") != "" {
		t.Fatalf("received %v, %v with %s missing", got, err, b.ledger("missing"))
	}
	done := settleAll(t, living, record.Ingested, held)
	if done.Count != 10 {
		t.Errorf("settled %+v of 10 held entries", done)
	}
	env.Eventually(t, soon, func() (bool, string) {
		_, err := other.Receive(t.Context(), 10)
		must(t, err)
		return b.ledger("missing") == "10", b.ledger("missing") + " missing, want those of the dead worker"
	})
	// The last lease may expire a millisecond later, which makes two lines.
	reported := fmt.Sprint(b.log.find("entries_missing"))
	for _, d := range lost {
		if !strings.Contains(reported, d.ID) {
			t.Errorf("%s is not in %s", d.ID, reported)
		}
	}
	b.maintained(other, func() (bool, string) { return b.ledger("missing") == "15", b.ledger("missing") + " missing" })
	b.wantLedger(map[string]string{"ingested": "15"})
	b.wantBalance(25)
}

func TestADeletedStreamIsReportedWithHeldAndLag(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	b.pushMany(60)
	held := streamstest.Receive(t, q, 25)
	before := b.looks()
	b.maintained(q, func() (bool, string) { return b.looks() >= before+2, "no loss detection" })
	must(t, b.client.FlushAll(t.Context()).Err())
	push(t, b.client, "after")
	settled := settleAll(t, q, record.Ingested, held)
	if settled.Count != 0 || !settled.GroupGone {
		t.Errorf("settled %+v of deleted entries", settled)
	}
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 1))
	line := b.log.find("group_recreated")
	if len(line) != 1 || line[0]["lag"] != 35.0 {
		t.Errorf("logged %v, want a lag of 35", line)
	}
	b.wantBalance(0)
}

// looks is how often scripts have called XINFO STREAM. In the upkeep only loss
// detection does: when the second one begins, the result of the first is noted.
func (b *rig) looks() int64 {
	b.t.Helper()
	return b.calls("xinfo|stream")
}

// calls is how often a command was called.
func (b *rig) calls(command string) int64 {
	b.t.Helper()
	stats, err := b.client.Info(b.t.Context(), "commandstats").Result()
	must(b.t, err)
	_, after, _ := strings.Cut(stats, "cmdstat_"+command+":calls=")
	number, _, _ := strings.Cut(after, ",")
	n, _ := strconv.ParseInt(number, 10, 64) // none yet: 0
	return n
}

func TestADeletedStreamIsReportedToAHolder(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	b.pushMany(60)
	streamstest.Receive(t, q, 25)
	must(t, b.client.FlushAll(t.Context()).Err())
	if _, err := q.Receive(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	line := b.log.find("group_recreated")
	if len(line) != 1 || line[0]["held"] != 25.0 || !strings.Contains(fmt.Sprint(line[0]["reason"]), "the stream had vanished") {
		t.Errorf("logged %v, want 25 held and the stream gone", line)
	}
}

// A recreated group reads what is on the stream: a new account begins and balances,
// also if a record already waits in the delayed set.
func TestANewEpochBalances(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	b.pushMany(6)
	due := time.Now().Add(time.Hour)
	pass := func(n int) {
		held := streamstest.Receive(t, q, n)
		s := append(streamstest.All(record.Ingested, held[:n-2]), streamstest.All(record.Deferred, held[n-2:n-1])...)
		s = append(s, streamstest.All(record.Invalid, held[n-1:])...)
		for i := range s {
			s[i].Due = due
		}
		_, err := q.Settle(t.Context(), s)
		must(t, err)
	}
	pass(6)
	must(t, b.client.XGroupDestroy(t.Context(), "s", "g").Err())
	pass(6)
	b.wantBalance(0)
	waiting := b.client.ZCard(t.Context(), "{s}:delayed").Val()
	if waiting != 1 || b.number("deferred") != b.number("returned")+waiting {
		t.Errorf("%d deferred, %d returned, %d waiting", b.number("deferred"), b.number("returned"), waiting)
	}
	b.wantLedger(map[string]string{"epoch": "2", "ingested": "4", "epoch:1:ingested": "4"})
}

func TestTenThousandIdleConsumersAreRemoved(t *testing.T) {
	b := newRig(t)
	ctx := t.Context()
	q := b.open("c", shortLease)
	must(t, q.Open(ctx))
	const names, holders = 10_000, 50
	b.pushMany(holders)
	pipe := b.client.Pipeline()
	for i := range names {
		if i < holders {
			pipe.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: fmt.Sprintf("gone %d", i), Streams: []string{"s", ">"}, Count: 1, Block: -1})
			continue
		}
		pipe.XGroupCreateConsumer(ctx, "s", "g", fmt.Sprintf("gone %d", i))
	}
	_, err := pipe.Exec(ctx)
	must(t, err)
	ingested := 0
	b.maintained(q, func() (bool, string) {
		got, err := q.Receive(ctx, 10)
		must(t, err)
		settleAll(t, q, record.Ingested, got)
		ingested += len(got)
		consumers, err := b.client.XInfoConsumers(ctx, "s", "g").Result()
		must(t, err)
		return len(consumers) == 1 && ingested == holders, fmt.Sprintf("%d consumers, %d of %d ingested", len(consumers), ingested, holders)
	})
	b.wantLedger(map[string]string{"ingested": strconv.Itoa(holders), "missing": ""})
	b.wantBalance(0)
}

func TestARemovedConsumerContinues(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	must(t, q.Open(t.Context()))
	must(t, b.client.XGroupDelConsumer(t.Context(), "s", "g", "c").Err())
	push(t, b.client, "record")
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 1))
	b.wantLedger(map[string]string{"ingested": "1"})
}

func TestHugeEntriesAreReadInSmallBatches(t *testing.T) {
	b := newRig(t, env.WithConfig("appendonly", "no"))
	q := b.open("c", nil)
	body := strings.Repeat("x", 10<<20)
	for i := range 13 {
		if i < 3 {
			push(t, b.client, "small")
			continue
		}
		push(t, b.client, body)
	}
	for received := 0; received < 13; {
		got, err := q.Receive(t.Context(), 500)
		must(t, err)
		bytes := 0
		for _, d := range got {
			bytes += len(d.Body)
		}
		if bytes > 10<<20+100 {
			t.Fatalf("%d entries with %d bytes in one batch", len(got), bytes)
		}
		received += len(got)
		settleAll(t, q, record.Malformed, got)
	}
	b.wantLedger(map[string]string{"parse_error": "13", "dead": "13"})
}

func TestAtMaxmemorySettledEntriesAreDeletedFirst(t *testing.T) {
	b := newRig(t)
	pressure := make(chan string, 10)
	q := b.open("c", func(o *streams.StreamOptions) {
		o.Retention = -1
		o.MemoryPressure = func(reason string) { pressure <- reason }
	})
	body := strings.Repeat("x", 100_000)
	for range 100 {
		push(t, b.client, body)
	}
	for settled := 0; settled < 60; {
		got, err := q.Receive(t.Context(), min(20, 60-settled))
		must(t, err)
		settled += len(settleAllOf(t, q, got))
	}
	must(t, b.client.XGroupCreate(t.Context(), "s", "laggard", "0").Err())
	read, err := b.client.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "laggard", Consumer: "l", Streams: []string{"s", ">"}, Count: 40}).Result()
	must(t, err)
	for _, m := range read[0].Messages {
		must(t, b.client.XAck(t.Context(), "s", "laggard", m.ID).Err())
	}
	used := b.memory()
	must(t, b.client.ConfigSet(t.Context(), "maxmemory", strconv.FormatInt(used-2_000_000, 10)).Err())
	var reported []string
	b.maintained(q, func() (bool, string) {
		select {
		case reason := <-pressure:
			reported = append(reported, reason)
		default:
		}
		n := b.client.XLen(t.Context(), "s").Val()
		return n == 60 && len(reported) == 2, fmt.Sprintf("%d entries, want 40 unread and 20 that another group has not read; reported %q", n, reported)
	})
	if !strings.Contains(reported[0], "OOM") || reported[1] != "" {
		t.Errorf("reported %q", reported)
	}
	b.wantLedger(map[string]string{"trimmed": "40", "ingested": "60"})
	b.wantBalance(0)
}

func settleAllOf(t *testing.T, q streams.Queue, held []streams.Delivery) []streams.Delivery {
	settleAll(t, q, record.Ingested, held)
	return held
}

// memory is what Redis counts against maxmemory.
func (b *rig) memory() int64 {
	b.t.Helper()
	info, err := b.client.Info(b.t.Context(), "memory").Result()
	must(b.t, err)
	for line := range strings.SplitSeq(info, "\r\n") {
		if value, ok := strings.CutPrefix(line, "used_memory:"); ok {
			n, err := strconv.ParseInt(value, 10, 64)
			must(b.t, err)
			return n
		}
	}
	b.t.Fatal("INFO has no used_memory")
	return 0
}
