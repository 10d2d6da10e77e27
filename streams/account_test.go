package streams_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/embedded"
	"ingestion/internal/redisconn"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

func (b *rig) account() *streams.Account {
	b.t.Helper()
	a, err := streams.ReadAccount(b.t.Context(), b.client, "s", "g")
	must(b.t, err)
	return a
}

// wantFault checks that only the named equation fails, by the given difference,
// and that the fault contains words.
func (b *rig) wantFault(equation string, difference int64, words string) {
	b.t.Helper()
	a := b.account()
	if a.Verdict() != streams.Unbalanced {
		b.t.Errorf("verdict %q", a.Verdict())
	}
	for _, e := range a.Equations() {
		want := int64(0)
		if e.Name == equation {
			want = difference
		}
		if e.Difference() != want {
			b.t.Errorf("%s: off by %d, want %d", e.Name, e.Difference(), want)
		}
	}
	if faults := a.Faults(); len(faults) != 1 || !strings.Contains(faults[0], words) {
		b.t.Errorf("faults %q, want one with %q", faults, words)
	}
}

func (b *rig) wantBalanced() *streams.Account {
	b.t.Helper()
	a := b.account()
	if a.Verdict() != streams.Balanced || len(a.Faults()) > 0 {
		b.t.Fatalf("verdict %q, faults %q, of %+v", a.Verdict(), a.Faults(), a)
	}
	return a
}

func (b *rig) fill(n int) {
	b.t.Helper()
	body := strings.Repeat("x", 200)
	for n > 0 {
		pipe := b.client.Pipeline()
		for range min(n, 10_000) {
			pipe.XAdd(b.t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", body}})
			n--
		}
		_, err := pipe.Exec(b.t.Context())
		must(b.t, err)
	}
}

// everywhere leaves entries in every state that the account counts.
func (b *rig) everywhere() *streams.Stream {
	b.t.Helper()
	q := b.open("c", nil)
	b.fill(10)
	held := streamstest.Receive(b.t, q, 7)
	settleAll(b.t, q, record.Ingested, held[:2])
	settleAll(b.t, q, record.Duplicate, held[2:3])
	settleAll(b.t, q, record.Invalid, held[3:5])
	late := streamstest.All(record.Deferred, held[5:6])
	late[0].Due = time.Now().Add(time.Hour)
	_, err := q.Settle(b.t.Context(), late)
	must(b.t, err)
	return q
}

func TestTheAccountSaysWhereEveryEntryIs(t *testing.T) {
	b := newRig(t)
	b.everywhere()
	a := b.wantBalanced()
	got := fmt.Sprint(a.Added-a.Base, a.Length, a.Outcomes[record.Ingested], a.Outcomes[record.Duplicate], a.Outcomes[record.Invalid],
		a.Outcomes[record.Deferred], a.Pending, a.Undelivered, a.Delayed, a.DeadWritten, a.DeadKept, a.Unfinished(), a.Epoch)
	if want := "10 10 2 1 2 1 1 3 1 2 2 5 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	pending, err := b.client.XPending(t.Context(), "s", "g").Result()
	must(t, err)
	if a.OldestPending != pending.Lower || a.Waiting(time.Now()) <= 0 {
		t.Errorf("the oldest pending entry is %q, want %q", a.OldestPending, pending.Lower)
	}
}

func TestAPlantedDifferenceIsFound(t *testing.T) {
	ledger := func(field string, by int64) func(*rig) {
		return func(b *rig) { must(b.t, b.client.HIncrBy(b.t.Context(), "{s}:ledger", field, by).Err()) }
	}
	for name, test := range map[string]struct {
		plant      func(*rig)
		equation   string
		difference int64
		words      string
	}{
		"counted twice":  {ledger("ingested", 1), "settlement", -1, "1 more outcome than entries"},
		"never counted":  {ledger("duplicate", -1), "settlement", 1, "1 entry is missing and not counted"},
		"missing":        {ledger("missing", 2), "settlement", -2, "2 more outcomes"},
		"trimmed":        {ledger("trimmed", 3), "presence", -3, "3 more entries are there or trimmed"},
		"returned":       {ledger("returned", 1), "deferral", -1, "1 more deferred record"},
		"replayed":       {ledger("replayed", 1), "dead letters", -1, "1 more dead letter"},
		"purged":         {ledger("purged", 2), "dead letters", -2, "2 more dead letters"},
		"dead":           {ledger("dead", 1), "dead letters", 1, "1 dead letter was deleted by another client"},
		"delayed record": {func(b *rig) { must(b.t, b.client.Del(b.t.Context(), "{s}:delayed").Err()) }, "deferral", 1, "1 deferred record is gone"},
		"dead letters":   {func(b *rig) { must(b.t, b.client.Del(b.t.Context(), "{s}:dead").Err()) }, "dead letters", 2, "2 dead letters were deleted by another client"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			b.everywhere()
			b.wantBalanced()
			test.plant(b)
			b.wantFault(test.equation, test.difference, test.words)
		})
	}
}

// Settled or held entries that another client deletes are only noted.
func TestReadEntriesDeletedByOtherClientsAreNoted(t *testing.T) {
	for name, n := range map[string]int{"settled": 0, "pending": 6} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			b.everywhere()
			entries, err := b.client.XRange(t.Context(), "s", "-", "+").Result()
			must(t, err)
			b.delete(entries[n].ID)
			a := b.wantBalanced()
			if notes := strings.Join(a.Notes(), "\n"); a.Gone() != 1 || !strings.Contains(notes, "1 entry was deleted from the stream by another client; all of them are settled, pending or counted as missing") {
				t.Errorf("%d gone, notes %q", a.Gone(), notes)
			}
		})
	}
}

func TestUnreadEntriesDeletedByOtherClientsAreReported(t *testing.T) {
	b := newRig(t)
	b.everywhere()
	delivered := b.account().LastDelivered
	must(t, b.client.XTrimMaxLen(t.Context(), "s", 1).Err())
	a := b.account()
	if a.Verdict() != streams.Unbalanced || a.Gone() != 9 || a.GoneUnread() != 2 || a.Undelivered != 1 {
		t.Errorf("%s: %d gone, %d of them unread, %d undelivered; want 9, 2, 1", a.Verdict(), a.Gone(), a.GoneUnread(), a.Undelivered)
	}
	findings := strings.Join(append(a.Faults(), a.Notes()...), "\n")
	for _, words := range []string{"9 entries were deleted", "2 entries are missing", delivered, a.FirstEntry} {
		if !strings.Contains(findings, words) {
			t.Errorf("%q do not contain %q", findings, words)
		}
	}
	if len(a.Faults()) != 1 {
		t.Errorf("the same loss is reported several times: %q", a.Faults())
	}
}

func TestAGroupOrStreamThatVanishedIsAFault(t *testing.T) {
	for name, vanish := range map[string]func(*rig){
		"group %q is gone":   func(b *rig) { must(b.t, b.client.XGroupDestroy(b.t.Context(), "s", "g").Err()) },
		"the stream is gone": func(b *rig) { must(b.t, b.client.Del(b.t.Context(), "s").Err()) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			b.everywhere()
			vanish(b)
			a := b.account()
			want := strings.ReplaceAll(name, "%q", `"g"`)
			if a.Verdict() != streams.Unbalanced || len(a.Faults()) != 1 || !strings.Contains(a.Faults()[0], want) {
				t.Errorf("%s: %q", a.Verdict(), a.Faults())
			}
		})
	}
}

func TestTheAccountBalancesAfterTheGroupWasRecreated(t *testing.T) {
	b := newRig(t)
	b.everywhere()
	must(t, b.client.XTrimMaxLen(t.Context(), "s", 9).Err())
	must(t, b.client.XGroupDestroy(t.Context(), "s", "g").Err())
	if notes := b.account().Notes(); len(notes) != 1 || !strings.Contains(notes[0], "1 entry was deleted from the stream by another client; how many of them were undelivered is unknown") {
		t.Errorf("without the group: %q", notes)
	}
	again := b.open("again", nil)
	settleAll(t, again, record.Duplicate, streamstest.Receive(t, again, 4))
	a := b.wantBalanced()
	if a.Epoch != 2 || a.Added-a.Base != 9 || a.Undelivered != 5 || a.GoneBefore != 1 || a.Settled() != 4 || a.IngestedBefore != 2 {
		t.Errorf("%+v", a)
	}
	if notes := strings.Join(a.Notes(), "\n"); !strings.Contains(notes, "had vanished and was created again") || !strings.Contains(notes, "1 entry had been deleted") {
		t.Errorf("notes %q", notes)
	}
}

func TestTrimmedEntriesStayAccountedFor(t *testing.T) {
	b := newRig(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.Retention = 0 })
	b.fill(500)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 400))
	b.maintained(q, func() (bool, string) { return b.ledger("trimmed") == "400", "not trimmed" })
	if a := b.wantBalanced(); a.Undelivered != 100 || a.Length != 100 || a.Trimmed != 400 {
		t.Errorf("%+v", a)
	}
}

func TestAStreamThatNoWorkerHasOpenedIsUnknown(t *testing.T) {
	b := newRig(t)
	b.fill(3)
	a := b.account()
	if a.Verdict() != streams.Unknown || a.Opened() || a.Undelivered != 3 || len(a.Notes()) != 1 {
		t.Errorf("%s: %+v, %q", a.Verdict(), a, a.Notes())
	}
}

func TestTheAccountOfAnotherGroupIsRefused(t *testing.T) {
	b := newRig(t)
	b.everywhere()
	_, err := streams.ReadAccount(t.Context(), b.client, "s", "other")
	if err == nil || !strings.Contains(err.Error(), `by group "g"`) {
		t.Errorf("%v", err)
	}
}

func TestANonNumericLedgerIsAnError(t *testing.T) {
	b := newRig(t)
	b.everywhere()
	must(t, b.client.HSet(t.Context(), "{s}:ledger", "ingested", "many").Err())
	_, err := streams.ReadAccount(t.Context(), b.client, "s", "g")
	if err == nil || !strings.Contains(err.Error(), `"ingested"`) {
		t.Errorf("%v", err)
	}
}

// The embedded Redis does not count added entries, nor does Redis before 7.0.
func TestWithoutEntriesAddedTheAccountIsUnknown(t *testing.T) {
	server, err := embedded.StartRedis(t.Context(), "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, server.Close()) })
	parsed, err := redisconn.Parse(server.URL(), "")
	must(t, err)
	client := redisconn.New(parsed, 5)
	t.Cleanup(func() { must(t, client.Close()) })
	b := &rig{t: t, client: client, log: &journal{}}
	b.everywhere()
	a := b.account()
	if a.Verdict() != streams.Unknown || a.Undelivered != 3 || a.Pending != 1 || a.Gone() != 0 || len(a.Faults()) > 0 {
		t.Errorf("%s: %+v, %q", a.Verdict(), a, a.Faults())
	}
	if e := a.Equations()[1]; !e.Holds() || e.Left != a.Length {
		t.Errorf("the entries that are there: %+v", e)
	}
	must(t, client.XAck(t.Context(), "s", "g", a.OldestPending).Err())
	if a := b.account(); a.Verdict() != streams.Unbalanced || len(a.Faults()) != 1 || !strings.Contains(a.Faults()[0], "1 entry is without an outcome") {
		t.Errorf("with a dropped entry: %s, %q", a.Verdict(), a.Faults())
	}
	must(t, client.XTrimMaxLen(t.Context(), "s", 0).Err()) // there is nothing left to compare with
	if a := b.account(); a.Verdict() != streams.Unknown || a.Equations()[1].Known || len(a.Faults()) > 0 {
		t.Errorf("without entries: %s, %+v, %q", a.Verdict(), a, a.Faults())
	}
	must(t, client.HIncrBy(t.Context(), "{s}:ledger", "dead", 1).Err())
	if b.account().Verdict() != streams.Unbalanced {
		t.Error("the known equations were not checked")
	}
}

// A backlog on one side of the last delivered entry and kept entries on the other,
// both more than the 2,341 small entries that one call of the script reads.
func TestUndeliveredEntriesAreCountedWhereverTheyAre(t *testing.T) {
	const n = 6_000
	b := newRig(t)
	must(t, b.open("c", nil).Open(t.Context()))
	b.fill(n)
	ids, err := b.client.XRange(t.Context(), "s", "-", "+").Result()
	must(t, err)
	for _, delivered := range []int{1, 2_340, 2_341, 2_342, n / 2, n - 2_342, n - 2_341, n - 2_340, n - 1, n} {
		must(t, b.client.XGroupSetID(t.Context(), "s", "g", ids[delivered-1].ID).Err())
		if got := b.account().Undelivered; got != int64(n-delivered) {
			t.Errorf("%d delivered of %d: %d undelivered", delivered, n, got)
		}
	}
	must(t, b.client.XGroupSetID(t.Context(), "s", "g", "0").Err())
	must(t, b.client.XDel(t.Context(), "s", ids[n/2].ID).Err())
	if got := b.account().Undelivered; got != n-1 {
		t.Errorf("with a hole: %d undelivered", got)
	}
}

func TestLargeEntriesAreCounted(t *testing.T) {
	b := newRig(t)
	must(t, b.open("c", nil).Open(t.Context()))
	for range 12 {
		push(t, b.client, strings.Repeat("x", 1<<20))
	}
	ids, err := b.client.XRange(t.Context(), "s", "-", "+").Result()
	must(t, err)
	must(t, b.client.XGroupSetID(t.Context(), "s", "g", ids[5].ID).Err())
	if got := b.account().Undelivered; got != 6 {
		t.Errorf("%d undelivered, want 6", got)
	}
}

// Workers settle, claim, defer, move and trim; every reading balances. With a
// backlog after many settled entries a reading takes several calls.
func TestTheAccountBalancesWhileWorkersRun(t *testing.T) {
	for name, test := range map[string]struct {
		settled, backlog int
		retention        time.Duration
	}{
		"trimming at once": {0, 0, 0},
		"with a backlog":   {4_000, 20_000, -1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			first := b.open("first", nil)
			must(t, first.Open(t.Context()))
			b.fill(test.settled)
			for range test.settled / 500 {
				settleAll(t, first, record.Ingested, streamstest.Receive(t, first, 500))
			}
			b.fill(test.backlog)
			stop := b.work(3, test.retention)
			readings := 0
			var a *streams.Account
			enough := func() bool {
				return a.Returned > 0 && a.Settled() >= 100 && (test.retention != 0 || a.Trimmed > 0)
			}
			begin := time.Now()
			for ; !t.Failed() && (readings == 0 || time.Since(begin) < 2*time.Second || !enough()); readings++ {
				if time.Since(begin) > time.Minute {
					t.Fatalf("too little happens: %+v", a)
				}
				b.fill(25)
				a = b.wantBalanced()
			}
			stop()
			a = b.wantBalanced()
			t.Logf("%d readings, %d entries settled, %d deferred, %d trimmed", readings, a.Settled(), a.Outcomes[record.Deferred], a.Trimmed)
		})
	}
}

// work starts workers that give entries all outcomes in turn and abandon some, as if
// they had died.
func (b *rig) work(workers int, retention time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(b.t.Context())
	var running sync.WaitGroup
	for w := range workers {
		q := b.open(fmt.Sprintf("w%d", w), func(o *streams.StreamOptions) { o.Retention, o.ClaimIdle = retention, 100*time.Millisecond })
		running.Go(func() { q.Maintain(ctx) })
		running.Go(func() { b.workOff(ctx, q) })
	}
	return func() { cancel(); running.Wait() }
}

func (b *rig) workOff(ctx context.Context, q *streams.Stream) {
	outcomes := record.Outcomes()
	for i := 0; ctx.Err() == nil; i++ {
		held, err := q.Receive(ctx, 20)
		if err != nil {
			b.t.Errorf("Receive: %v", err)
			return
		}
		if i%7 == 6 {
			continue
		}
		s := streamstest.All(outcomes[i%len(outcomes)], held)
		for j := range s {
			s[j].Due = time.Now().Add(20 * time.Millisecond)
		}
		if _, err := q.Settle(b.t.Context(), s); err != nil {
			b.t.Errorf("Settle: %v", err)
		}
	}
}

// between is a hook that runs a function before the client sends the nth script.
type between struct {
	n    int
	do   func()
	seen int
}

func (h *between) DialHook(next redis.DialHook) redis.DialHook { return next }
func (h *between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h *between) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "evalsha" {
			if h.seen++; h.seen == h.n {
				h.do()
			}
		}
		return next(ctx, cmd)
	}
}

// A count over several calls is that of the first call.
func TestALongCountIsConsistent(t *testing.T) {
	const n, delivered = 12_000, 4_000
	for name, test := range map[string]struct {
		meanwhile  func(b *rig, q *streams.Stream, id func(int) string)
		want, kept int64
	}{
		"entries are delivered and settled": {func(b *rig, q *streams.Stream, _ func(int) string) {
			settleAll(b.t, q, record.Ingested, streamstest.Receive(b.t, q, 5_000))
		}, n - delivered, delivered},
		"entries are added":                {func(b *rig, _ *streams.Stream, _ func(int) string) { b.fill(500) }, n - delivered, delivered},
		"kept entries are deleted":         {func(b *rig, _ *streams.Stream, id func(int) string) { b.trimBefore(id(100)) }, n - delivered, delivered - 100},
		"a counted entry is deleted":       {func(b *rig, _ *streams.Stream, id func(int) string) { b.delete(id(delivered + 1)) }, n - delivered - 1, delivered},
		"an uncounted entry is deleted":    {func(b *rig, _ *streams.Stream, id func(int) string) { b.delete(id(n - 1)) }, n - delivered - 1, delivered},
		"the start of the rest is trimmed": {func(b *rig, _ *streams.Stream, id func(int) string) { b.trimBefore(id(delivered + 3_500)) }, n - delivered - 3_500, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			q := b.open("c", nil)
			must(t, q.Open(t.Context()))
			b.fill(n)
			entries, err := b.client.XRange(t.Context(), "s", "-", "+").Result()
			must(t, err)
			must(t, b.client.XGroupSetID(t.Context(), "s", "g", entries[delivered-1].ID).Err())
			watched := newClient(t, b.server)
			b.account() // the server knows the script now
			watched.AddHook(&between{n: 2, do: func() { test.meanwhile(b, q, func(i int) string { return entries[i].ID }) }})
			a, err := streams.ReadAccount(t.Context(), watched, "s", "g")
			must(t, err)
			if a.Undelivered != test.want || a.Length-a.Undelivered != test.kept {
				t.Errorf("%d undelivered, %d others; want %d and %d", a.Undelivered, a.Length-a.Undelivered, test.want, test.kept)
			}
		})
	}
}

func (b *rig) delete(id string) { must(b.t, b.client.XDel(b.t.Context(), "s", id).Err()) }

func (b *rig) trimBefore(id string) { must(b.t, b.client.XTrimMinID(b.t.Context(), "s", id).Err()) }
