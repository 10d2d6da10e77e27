package streams_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

func (b *rig) history(unit streams.HistoryUnit, from time.Time) []streams.Period {
	b.t.Helper()
	periods, err := streams.ReadHistory(b.t.Context(), b.client, "s", unit, from)
	must(b.t, err)
	return periods
}

// sums adds up the outcomes of periods by name.
func sums(periods []streams.Period) map[string]int64 {
	all := map[string]int64{}
	for _, p := range periods {
		for outcome, n := range p.Outcomes {
			all[outcome.String()] += n
		}
	}
	return all
}

// counted adds up what the ledger has counted in all epochs, by outcome.
func (b *rig) counted() map[string]int64 {
	b.t.Helper()
	all := map[string]int64{}
	for field, value := range b.client.HGetAll(b.t.Context(), "{s}:ledger").Val() {
		name := field[strings.LastIndex(field, ":")+1:]
		for _, outcome := range record.Outcomes() {
			var n int64
			if _, err := fmt.Sscan(value, &n); err == nil && n > 0 && name == outcome.String() {
				all[name] += n
			}
		}
	}
	return all
}

// rollUp makes a worker trim, as if some seconds had passed since the last rollup.
func (b *rig) rollUp(c *clock, q *streams.Stream) {
	b.t.Helper()
	c.step(3 * time.Second)
	must(b.t, q.TrimOnce(b.t.Context()))
}

// settleSome pushes entries and settles them, in the order of the outcomes.
func (b *rig) settleSome(q *streams.Stream, outcomes ...record.Outcome) {
	b.t.Helper()
	b.pushMany(len(outcomes))
	s := streamstest.All(record.Ingested, streamstest.Receive(b.t, q, len(outcomes)))
	for i := range s {
		s[i].Outcome, s[i].Due = outcomes[i], time.Now().Add(1000*time.Hour)
	}
	_, err := q.Settle(b.t.Context(), s)
	must(b.t, err)
}

// Two workers trim, and the increments of each minute and hour add up to what was settled
// in it.
func TestTheHistoryShowsEachMinuteAndHour(t *testing.T) {
	b, c := newRigWithClock(t)
	q, other := b.open("c", nil), b.open("d", nil)
	must(t, q.Open(t.Context()))
	from := c.toNext(b, time.Hour)
	must(t, q.TrimOnce(t.Context()))
	b.settleSome(q, record.Ingested, record.Ingested, record.Invalid)
	b.rollUp(c, q)
	b.rollUp(c, other)
	b.settleSome(q, record.Duplicate, record.Deferred)
	b.rollUp(c, other)
	next := c.toNext(b, time.Minute)
	b.settleSome(q, record.Ingested)
	b.pushMany(5)
	held := streamstest.Receive(t, q, 2)
	b.rollUp(c, other)
	settleAll(t, q, record.Ingested, held)
	c.step(7 * time.Minute) // nobody works
	b.rollUp(c, q)

	o := func(counts ...any) map[record.Outcome]int64 {
		m := map[record.Outcome]int64{}
		for i := 0; i < len(counts); i += 2 {
			m[counts[i].(record.Outcome)] = int64(counts[i+1].(int))
		}
		return m
	}
	known := streams.Period{UndeliveredKnown: true, PendingKnown: true, DelayedKnown: true, DeadKnown: true, Delayed: 1, Dead: 1}
	first, second, third := known, known, known
	first.Start, first.Outcomes = from, o(record.Ingested, 2, record.Duplicate, 1, record.Invalid, 1, record.Deferred, 1)
	second.Start, second.Outcomes, second.Undelivered, second.Pending = next, o(record.Ingested, 1), 3, 2
	third.Start, third.Outcomes, third.Undelivered = next.Add(7*time.Minute), o(record.Ingested, 2), 3
	if diff := cmp.Diff([]streams.Period{first, second, third}, b.history(streams.Minutes, time.Time{})); diff != "" {
		t.Errorf("minutes (-want +got):\n%s", diff)
	}
	if got := b.history(streams.Minutes, next.Add(30*time.Second)); len(got) != 2 || !got[0].Start.Equal(next) {
		t.Errorf("from within the second minute: %+v", got)
	}
	hour := third
	hour.Start, hour.Outcomes = from, o(record.Ingested, 5, record.Duplicate, 1, record.Invalid, 1, record.Deferred, 1)
	if diff := cmp.Diff([]streams.Period{hour}, b.history(streams.Hours, time.Time{})); diff != "" {
		t.Errorf("hours (-want +got):\n%s", diff)
	}
}

// Workers that trim at the same time count nothing twice, and new epochs begin at 0.
func TestTheHistoryAddsUpToTheLedger(t *testing.T) {
	b, c := newRigWithClock(t)
	must(t, b.open("c", nil).Open(t.Context()))
	must(t, b.open("c", nil).TrimOnce(t.Context()))
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 30 {
		q := b.open("c", nil)
		if round%7 == 6 {
			b.settleSome(q, record.Ingested, record.Invalid) // no rollup sees these in their epoch
			must(t, b.client.XGroupDestroy(t.Context(), "s", "g").Err())
			must(t, q.Open(t.Context()))
			b.drain(q)
		}
		var outcomes []record.Outcome
		for range random.IntN(6) {
			outcomes = append(outcomes, record.Outcomes()[random.IntN(len(record.Outcomes()))])
		}
		if len(outcomes) > 0 {
			b.settleSome(q, outcomes...)
		}
		c.step(time.Duration(random.IntN(40)) * time.Second)
		var wait sync.WaitGroup
		for i := range 3 {
			wait.Go(func() { _ = b.open(fmt.Sprint(i), nil).TrimOnce(context.WithoutCancel(t.Context())) })
		}
		wait.Wait()
	}
	b.rollUp(c, b.open("c", nil))
	for _, unit := range []streams.HistoryUnit{streams.Minutes, streams.Hours} {
		if diff := cmp.Diff(b.counted(), sums(b.history(unit, time.Time{}))); diff != "" {
			t.Errorf("by %v (-ledger +history):\n%s", unit.Length(), diff)
		}
	}
	if epoch := b.ledger("epoch"); epoch != "5" {
		t.Errorf("epoch %s", epoch)
	}
}

// drain settles what a new epoch delivers again.
func (b *rig) drain(q *streams.Stream) {
	b.t.Helper()
	for b.client.XInfoGroups(b.t.Context(), "s").Val()[0].Lag > 0 {
		got, err := q.Receive(b.t.Context(), 100)
		must(b.t, err)
		settleAll(b.t, q, record.Duplicate, got)
	}
}

func TestTheHistoryIsBounded(t *testing.T) {
	b, c := newRigWithClock(t)
	q := b.open("c", nil)
	must(t, q.Open(t.Context()))
	for unit, key := range map[streams.HistoryUnit]string{streams.Minutes: "{s}:history:minute", streams.Hours: "{s}:history:hour"} {
		for range unit.Kept() + 20 {
			c.toNext(b, unit.Length())
			must(t, q.TrimOnce(t.Context()))
		}
		if n := b.client.HLen(t.Context(), key).Val(); n != int64(unit.Kept())+1 {
			t.Errorf("%s has %d fields", key, n)
		}
		periods := b.history(unit, time.Time{})
		now := b.client.Time(t.Context()).Val().UTC()
		if len(periods) != unit.Kept() || !periods[len(periods)-1].Start.Equal(now.Truncate(unit.Length())) {
			t.Errorf("%s: %d periods up to %v, it is %v", key, len(periods), periods[len(periods)-1].Start, now)
		}
		for i := range periods[1:] {
			if periods[i+1].Start.Sub(periods[i].Start) != unit.Length() {
				t.Fatalf("%s: %v follows %v", key, periods[i+1].Start, periods[i].Start)
			}
		}
		whole := time.Duration(unit.Kept()+1) * unit.Length()
		if ttl := b.client.PTTL(t.Context(), key).Val(); ttl > whole || ttl < whole-time.Minute {
			t.Errorf("%s expires in %v, want %v", key, ttl, whole)
		}
	}
	c.step(-10 * time.Hour)
	if n := len(b.history(streams.Hours, time.Time{})); n != streams.Hours.Kept()-10 {
		t.Errorf("after the clock was set back by 10 hours, %d hours", n)
	}
	b.settleSome(q, record.Ingested)
	must(t, q.TrimOnce(t.Context()))
	if p := b.history(streams.Hours, b.client.Time(t.Context()).Val()); len(p) != 1 || p[0].Outcomes[record.Ingested] != 1 {
		t.Errorf("after the clock was set back: %+v", p)
	}
}

// An old ledger without a history, as after an upgrade, is no burst in its first minute.
func TestAHistoryBeginsWithoutTheLedgersPast(t *testing.T) {
	b, c := newRigWithClock(t)
	q := b.open("c", nil)
	b.settleSome(q, record.Ingested, record.Ingested)
	c.step(time.Hour)
	must(t, q.TrimOnce(t.Context()))
	b.settleSome(q, record.Ingested)
	b.rollUp(c, q)
	if got := sums(b.history(streams.Hours, time.Time{})); got["ingested"] != 1 {
		t.Errorf("got %v, want the one settled since", got)
	}
}

func TestTheHistoryIsNotWrittenAtMaxmemory(t *testing.T) {
	b, c := newRigWithClock(t)
	q := b.open("c", nil)
	b.settleSome(q, record.Ingested)
	must(t, q.TrimOnce(t.Context()))
	before := b.client.HGetAll(t.Context(), "{s}:history:minute").Val()
	must(t, b.client.ConfigSet(t.Context(), "maxmemory", "1").Err())
	c.step(2 * time.Minute)
	must(t, q.TrimOnce(t.Context()))
	if diff := cmp.Diff(before, b.client.HGetAll(t.Context(), "{s}:history:minute").Val()); diff != "" {
		t.Errorf("written at maxmemory:\n%s", diff)
	}
	must(t, b.client.ConfigSet(t.Context(), "maxmemory", "0").Err())
	must(t, q.TrimOnce(t.Context()))
	if n := len(b.history(streams.Minutes, time.Time{})); n != 2 {
		t.Errorf("%d minutes afterwards", n)
	}
}

// lastUndelivered is what the history says now.
func (b *rig) lastUndelivered(q *streams.Stream) (n int64, known bool) {
	b.t.Helper()
	must(b.t, b.client.Del(b.t.Context(), "{s}:history:minute").Err()) // so that there is a rollup
	must(b.t, q.TrimOnce(b.t.Context()))
	periods := b.history(streams.Minutes, time.Time{})
	if len(periods) == 0 {
		return 0, false
	}
	last := periods[len(periods)-1]
	return last.Undelivered, last.UndeliveredKnown
}

// What the history says of undelivered entries is so, whatever other clients do, and it
// says it as long as only the service acts.
func TestTheHistoryNeverShowsAWrongBacklog(t *testing.T) {
	b := newRig(t)
	q := b.open("observer", func(o *streams.StreamOptions) { o.Retention = -1 })
	known, unknown := 0, 0
	check := func(after string) {
		want, _ := b.undelivered()
		got, ok := b.lastUndelivered(q)
		if !ok {
			unknown++
			return
		}
		if known++; got != want {
			t.Fatalf("after %s: %d undelivered, want %d", after, got, want)
		}
	}
	for seed := range uint64(5) {
		b.play(seed, check, serving())
	}
	if unknown > 0 {
		t.Errorf("while only the service acted, the backlog was unknown %d times, known %d times", unknown, known)
	}
	for _, meddler := range meddling() {
		for seed := range uint64(3) {
			b.play(seed, check, serving(), []action{meddler})
		}
	}
	if t.Logf("known %d times, unknown %d times", known, unknown); unknown == 0 {
		t.Error("the backlog was never unknown")
	}
}

func TestTheHistoryOfTheEmbeddedRedis(t *testing.T) {
	client := newEmbedded(t)
	q := newStream(t, streamOptions(client, "c"))
	for i := range 5 {
		push(t, client, fmt.Sprint(i))
	}
	s := streamstest.All(record.RateLimited, streamstest.Receive(t, q, 2))
	s[0].CustomerID = "42"
	_, err := q.Settle(t.Context(), s)
	must(t, err)
	must(t, q.TrimOnce(t.Context()))
	periods, err := streams.ReadHistory(t.Context(), client, "s", streams.Hours, time.Time{})
	must(t, err)
	if len(periods) != 1 || periods[0].Outcomes[record.RateLimited] != 2 || periods[0].Pending != 0 || periods[0].Dead != 2 {
		t.Errorf("%+v", periods)
	}
	refused, err := streams.ReadRefused(t.Context(), client, "s")
	must(t, err)
	if len(refused) != 1 || refused[0].CustomerID != "42" {
		t.Errorf("%+v", refused)
	}
}

func TestAListHasNoHistory(t *testing.T) {
	b := newRig(t)
	must(t, b.client.RPush(t.Context(), "s", "x").Err())
	if p := b.history(streams.Minutes, time.Time{}); len(p) != 0 {
		t.Errorf("%+v", p)
	}
}

func TestSumOfHistories(t *testing.T) {
	b, c := newRigWithClock(t)
	c.toNext(b, time.Hour) // so that it does not end meanwhile
	for i, key := range []string{"s:0", "s:1"} {
		q := b.open("c", func(o *streams.StreamOptions) { o.Key = key })
		must(t, q.Open(t.Context()))
		for range i + 1 {
			must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: key, Values: []any{"data", "x"}}).Err())
		}
		settleAll(t, q, record.Ingested, streamstest.Receive(t, q, i+1))
		must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: key, Values: []any{"data", "x"}}).Err())
		must(t, q.TrimOnce(t.Context()))
	}
	read := func(key string) []streams.Period {
		p, err := streams.ReadHistory(t.Context(), b.client, key, streams.Hours, time.Time{})
		must(t, err)
		return p
	}
	first, second := read("s:0"), read("s:1")
	if len(first) != 1 || len(second) != 1 || !first[0].Start.Equal(second[0].Start) {
		t.Fatalf("%+v and %+v, want one period, the same", first, second)
	}
	sum := streams.SumHistory(first, second)
	if len(sum) != 1 || sum[0].Outcomes[record.Ingested] != 3 || sum[0].Settled() != 3 || sum[0].Undelivered != 2 || !sum[0].UndeliveredKnown {
		t.Errorf("%+v", sum)
	}
	second[0].UndeliveredKnown = false
	if sum = streams.SumHistory(first, second); sum[0].UndeliveredKnown || sum[0].Undelivered != 0 || !sum[0].PendingKnown {
		t.Errorf("with an unknown backlog: %+v", sum)
	}
	if sum = streams.SumHistory(first, nil); sum[0].PendingKnown || sum[0].Outcomes[record.Ingested] != 1 {
		t.Errorf("without the second partition: %+v", sum)
	}
}
