package streams_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// glance reads the state without counting entries.
func (b *rig) glance() *streams.Snapshot {
	b.t.Helper()
	return b.glanceCounting(0)
}

func (b *rig) glanceCounting(calls int) *streams.Snapshot {
	b.t.Helper()
	s, err := streams.ReadSnapshot(b.t.Context(), b.client, "s", streams.SnapshotOptions{Group: "g", CountCalls: calls})
	must(b.t, err)
	return s
}

// undelivered counts the undelivered entries by reading all of them, and returns the first.
func (b *rig) undelivered() (n int64, oldest string) {
	b.t.Helper()
	after := "-"
	for _, g := range b.client.XInfoGroups(b.t.Context(), "s").Val() {
		after = "(" + g.LastDeliveredID
	}
	entries, err := b.client.XRange(b.t.Context(), "s", after, "+").Result()
	must(b.t, err)
	if len(entries) > 0 {
		oldest = entries[0].ID
	}
	return int64(len(entries)), oldest
}

// wantTrueBacklog checks that what a snapshot says of undelivered entries is so, and
// reports whether it says their number.
func (b *rig) wantTrueBacklog(after string) bool {
	b.t.Helper()
	s := b.glance()
	n, oldest := b.undelivered()
	if s.GroupThere && s.OldestUndelivered != oldest {
		b.t.Fatalf("after %s: the oldest undelivered entry is %q, want %q", after, s.OldestUndelivered, oldest)
	}
	if !s.BacklogUnknown && s.Undelivered != n {
		b.t.Fatalf("after %s: %d undelivered, want %d: %+v", after, s.Undelivered, n, s.Account)
	}
	return !s.BacklogUnknown
}

// action is something that the service or another client does to a stream.
type action struct {
	name string
	do   func(b *rig, q *streams.Stream, random *rand.Rand)
}

func serving() []action {
	held := []streams.Delivery{}
	return []action{
		{"add", func(b *rig, _ *streams.Stream, random *rand.Rand) { b.pushMany(1 + random.IntN(8)) }},
		{"add more", func(b *rig, _ *streams.Stream, random *rand.Rand) { b.pushMany(1 + random.IntN(8)) }},
		{"receive", func(b *rig, q *streams.Stream, random *rand.Rand) {
			got, err := q.Receive(b.t.Context(), 1+random.IntN(5))
			must(b.t, err)
			held = append(held, got...)
		}},
		{"settle", func(b *rig, q *streams.Stream, random *rand.Rand) {
			n := random.IntN(len(held) + 1)
			settlements := streamstest.All(record.Outcomes()[random.IntN(len(record.Outcomes()))], held[:n])
			for i := range settlements {
				settlements[i].Due = time.Now()
			}
			_, err := q.Settle(b.t.Context(), settlements)
			must(b.t, err)
			held = held[n:]
		}},
		{"put back", func(b *rig, q *streams.Stream, _ *rand.Rand) { must(b.t, q.MoveOnce(b.t.Context())) }},
		{"trim", func(b *rig, q *streams.Stream, _ *rand.Rand) { must(b.t, q.TrimOnce(b.t.Context())) }},
		{"look for losses", func(b *rig, q *streams.Stream, _ *rand.Rand) { must(b.t, q.DetectLossesOnce(b.t.Context())) }},
	}
}

func meddling() []action {
	command := func(name string, args func(b *rig, random *rand.Rand) []any) action {
		return action{name, func(b *rig, _ *streams.Stream, random *rand.Rand) {
			b.client.Do(b.t.Context(), args(b, random)...) // may be refused: then nothing has happened
		}}
	}
	return []action{
		command("XDEL", func(b *rig, random *rand.Rand) []any { return []any{"xdel", "s", b.anyID(random)} }),
		command("XTRIM MAXLEN", func(b *rig, random *rand.Rand) []any { return []any{"xtrim", "s", "maxlen", 1 + random.IntN(20)} }),
		command("XTRIM MINID", func(b *rig, random *rand.Rand) []any { return []any{"xtrim", "s", "minid", b.anyID(random)} }),
		command("XADD MAXLEN", func(_ *rig, random *rand.Rand) []any {
			return []any{"xadd", "s", "maxlen", 1 + random.IntN(20), "*", "data", "x"}
		}),
		command("XSETID", func(b *rig, random *rand.Rand) []any { return []any{"xsetid", "s", b.newestID()} }),
		command("XSETID ENTRIESADDED", func(b *rig, random *rand.Rand) []any {
			return []any{"xsetid", "s", b.newestID(), "entriesadded", 1 + random.IntN(200), "maxdeletedid", "0-1"}
		}),
		command("XGROUP SETID", func(b *rig, random *rand.Rand) []any { return []any{"xgroup", "setid", "s", "g", b.anyID(random)} }),
		command("XGROUP SETID ENTRIESREAD", func(b *rig, random *rand.Rand) []any {
			// Not the position from before: that would deceive both witnesses.
			return []any{"xgroup", "setid", "s", "g", b.anyID(random), "entriesread", 1000 + random.IntN(50)}
		}),
		command("XGROUP DELCONSUMER", func(*rig, *rand.Rand) []any { return []any{"xgroup", "delconsumer", "s", "g", "c"} }),
		command("XACK", func(b *rig, random *rand.Rand) []any { return []any{"xack", "s", "g", b.anyID(random)} }),
		command("XGROUP DESTROY", func(*rig, *rand.Rand) []any { return []any{"xgroup", "destroy", "s", "g"} }),
		command("DEL the ledger", func(*rig, *rand.Rand) []any { return []any{"del", "{s}:ledger"} }),
		command("DEL the stream", func(*rig, *rand.Rand) []any { return []any{"del", "s"} }),
	}
}

// anyID is the ID of an entry on the stream, or just after it.
func (b *rig) anyID(random *rand.Rand) string {
	entries := b.client.XRange(b.t.Context(), "s", "-", "+").Val()
	if len(entries) == 0 {
		return "1-1"
	}
	return entries[random.IntN(len(entries))].ID
}

// newestID is the last ID of the stream, whether or not its entry is still there.
func (b *rig) newestID() string {
	info, err := b.client.XInfoStream(b.t.Context(), "s").Result()
	if err != nil {
		return "1-1"
	}
	return info.LastGeneratedID
}

// While only the service acts, the number of undelivered entries is always known.
func TestTheBacklogIsKnownWithoutCounting(t *testing.T) {
	b := newRig(t)
	for seed := range uint64(15) {
		b.play(seed, func(name string) {
			if !b.wantTrueBacklog(name) {
				t.Fatalf("seed %d: unknown after %s: %+v", seed, name, b.glance().Account)
			}
			if s := b.glance(); s.Verdict() != streams.Balanced {
				t.Fatalf("seed %d: %s after %s: %q", seed, s.Verdict(), name, s.Faults())
			}
		}, serving())
	}
}

// Whatever other clients do, a snapshot never says a wrong number.
func TestTheBacklogIsNeverWrong(t *testing.T) {
	b := newRig(t)
	known, unknown := 0, 0
	check := func(name string) {
		if b.wantTrueBacklog(name) {
			known++
			return
		}
		unknown++
		n, _ := b.undelivered()
		if s := b.glanceCounting(1); s.BacklogUnknown || s.Undelivered != n {
			t.Fatalf("after %s: %d undelivered when counted, want %d: %+v", name, s.Undelivered, n, s.Account)
		}
	}
	for _, meddler := range meddling() {
		for seed := range uint64(6) {
			b.play(seed, check, serving(), []action{meddler})
		}
	}
	for seed := range uint64(40) {
		b.play(seed, check, serving(), serving(), meddling())
	}
	t.Logf("known %d times, unknown %d times", known, unknown)
	if known < unknown || unknown == 0 {
		t.Errorf("known %d times, unknown %d times", known, unknown)
	}
}

// play does 40 random actions on a new stream, and calls check after each.
func (b *rig) play(seed uint64, check func(name string), actions ...[]action) {
	b.t.Helper()
	must(b.t, b.client.FlushAll(b.t.Context()).Err())
	var all []action
	for _, some := range actions {
		all = append(all, some...)
	}
	q := b.open("c", func(o *streams.StreamOptions) { o.PollTimeout, o.Retention, o.MaxEntries = 0, -1, 25 })
	must(b.t, q.Open(b.t.Context()))
	random := rand.New(rand.NewPCG(seed, 1))
	var names []string
	for range 40 {
		a := all[random.IntN(len(all))]
		a.do(b, q, random)
		names = append(names, a.name)
		check(fmt.Sprintf("seed %d, %s", seed, strings.Join(names, ", ")))
	}
}

// A snapshot of a long stream reads a handful of entries, and no more for a longer one.
func TestASnapshotReadsNoBacklog(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	must(t, q.Open(t.Context()))
	b.fill(20_000)
	for range 20 {
		settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 500)[:400])
	}
	b.glance() // the server knows the script now
	must(t, b.client.ConfigResetStat(t.Context()).Err())
	s := b.glance()
	if s.BacklogUnknown || s.Undelivered != 10_000 || s.Pending != 2_000 || s.Verdict() != streams.Balanced {
		t.Errorf("%d undelivered, %d pending, %s", s.Undelivered, s.Pending, s.Verdict())
	}
	stats := b.client.Info(t.Context(), "commandstats").Val()
	if !strings.Contains(stats, "cmdstat_xrange:calls=2,") || !strings.Contains(stats, "cmdstat_xrevrange:calls=1,") || !strings.Contains(stats, "cmdstat_evalsha:calls=1,") {
		t.Errorf("want one EVALSHA that reads three entries: %s", stats)
	}
}

// After another client has deleted an entry, Redis' lag proves nothing.
func TestABacklogThatCannotBeProvedIsCountedUpToALimit(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	must(t, q.Open(t.Context()))
	b.fill(18_000)
	for range 12 {
		settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 500))
	}
	b.delete(b.client.XRangeN(t.Context(), "s", "-", "+", 1).Val()[0].ID)
	for calls, known := range map[int]bool{0: false, 1: false, 2: false, 10: true} {
		s := b.glanceCounting(calls)
		if s.BacklogUnknown == known || known && s.Undelivered != 12_000 {
			t.Errorf("%d calls: %d undelivered, unknown: %v", calls, s.Undelivered, s.BacklogUnknown)
		}
		verdict := map[bool]streams.Verdict{true: streams.Balanced, false: streams.Unknown}[known]
		if s.Verdict() != verdict {
			t.Errorf("%d calls: %s, want %s", calls, s.Verdict(), verdict)
		}
	}
}

func TestASnapshotDescribesAPartition(t *testing.T) {
	b := newRig(t)
	q := b.everywhere()
	defer func() { must(t, q.Close(t.Context())) }()
	must(t, b.client.ZAdd(t.Context(), "{s}:delayed", redis.Z{Score: 1, Member: "1-1"}, redis.Z{Score: 2, Member: "2-2"}).Err())
	s := b.glance()
	got := fmt.Sprint(s.Length, s.Undelivered, s.Pending, s.Delayed, s.Due, s.DeadKept, s.Outcomes[record.Ingested], len(s.Consumers), s.Consumers[0].Pending)
	if want := "10 3 1 3 2 2 2 1 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if s.Bytes < 500 || s.Bytes > 100_000 || time.Since(s.Taken).Abs() > time.Minute {
		t.Errorf("%d bytes, taken at %v", s.Bytes, s.Taken)
	}
	env.Eventually(t, soon, func() (bool, string) {
		c := b.glance().Consumers[0]
		return c.Silent(20 * time.Millisecond), fmt.Sprintf("%+v is not silent", c)
	})
	if c := b.glance().Consumers[0]; c.Silent(time.Hour) {
		t.Errorf("%+v is silent", c)
	}
}

func TestASnapshotWithoutAStreamOrAGroup(t *testing.T) {
	b := newRig(t)
	s := b.glance()
	if s.StreamThere || s.BacklogUnknown || s.Undelivered != 0 || len(s.Consumers) != 0 || s.Opened() {
		t.Errorf("without a stream: %+v", s)
	}
	b.pushMany(3)
	if s = b.glance(); s.GroupThere || s.BacklogUnknown || s.Undelivered != 3 {
		t.Errorf("without a group: %+v", s)
	}
	must(t, b.open("c", nil).Open(t.Context()))
	if _, err := streams.ReadSnapshot(t.Context(), b.client, "s", streams.SnapshotOptions{Group: "h"}); err == nil || !strings.Contains(err.Error(), `"g"`) {
		t.Errorf("for another group: %v", err)
	}
}

func TestASnapshotWithoutTheRightToMeasure(t *testing.T) {
	b := newRig(t)
	b.everywhere()
	must(t, b.client.Do(t.Context(), "acl", "setuser", "default", "-memory").Err())
	if s := b.glance(); s.Bytes >= 0 || s.Pending != 1 {
		t.Errorf("%d bytes, %d pending", s.Bytes, s.Pending)
	}
}

func TestASnapshotOfTheEmbeddedRedis(t *testing.T) {
	client := newEmbedded(t)
	q := newStream(t, streamOptions(client, "c"))
	for i := range 5 {
		push(t, client, fmt.Sprint(i))
	}
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 2)[:1])
	s, err := streams.ReadSnapshot(t.Context(), client, "s", streams.SnapshotOptions{Group: "g", CountCalls: 1})
	must(t, err)
	if s.BacklogUnknown || s.Undelivered != 3 || s.Pending != 1 || s.Length != 5 || !s.Uncounted || s.OldestUndelivered == "" {
		t.Errorf("%+v", s.Account)
	}
}

func TestASnapshotOfAList(t *testing.T) {
	b := newRig(t)
	must(t, b.client.RPush(t.Context(), "q", "a", "b").Err())
	s, err := streams.ReadListSnapshot(t.Context(), b.client, "q")
	must(t, err)
	if s.Length != 2 || s.DeadLetters != 0 {
		t.Errorf("%+v", s)
	}
	must(t, b.client.Set(t.Context(), "t", "x", 0).Err())
	if _, err := streams.ReadListSnapshot(t.Context(), b.client, "t"); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("of a string: %v", err)
	}
}

func TestAConsumerIsSilentAfterALease(t *testing.T) {
	for idle, silent := range map[time.Duration]bool{-time.Millisecond: false, 0: false, time.Minute: false, time.Minute + time.Millisecond: true} {
		if got := (streams.ConsumerState{Idle: idle}).Silent(time.Minute); got != silent {
			t.Errorf("idle for %v with a lease of a minute: silent %v", idle, got)
		}
	}
}
