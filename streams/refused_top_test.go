package streams_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// refuseRecords settles one entry for each of the customers with an outcome.
func (b *rig) refuseRecords(q *streams.Stream, outcome record.Outcome, customers ...string) []streams.Settlement {
	b.t.Helper()
	b.pushMany(len(customers))
	s := streamstest.All(outcome, streamstest.Receive(b.t, q, len(customers)))
	for i, c := range customers {
		s[i].CustomerID, s[i].Due = c, time.Now().Add(time.Hour)
	}
	_, err := q.Settle(b.t.Context(), s)
	must(b.t, err)
	return s
}

func (b *rig) mostRefused() []streams.Refusals {
	b.t.Helper()
	list, err := streams.ReadRefused(b.t.Context(), b.client, "s")
	must(b.t, err)
	return list
}

func (b *rig) wantRefused(want ...streams.Refusals) {
	b.t.Helper()
	if got := b.mostRefused(); !slices.Equal(got, want) {
		b.t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTheCustomersThatHitTheirLimitAreCounted(t *testing.T) {
	b, c := newRigWithClock(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.DeadLetters.On = false })
	must(t, q.Open(t.Context()))
	c.toNext(b, time.Hour)
	b.refuseRecords(q, record.RateLimited, "b", "a", "a", "c d")
	b.refuseRecords(q, record.Deferred, "a")
	for _, outcome := range record.Outcomes() {
		if outcome != record.RateLimited && outcome != record.Deferred {
			b.refuseRecords(q, outcome, "other")
		}
	}
	b.refuseRecords(q, record.RateLimited, strings.Repeat("x", 257), "")
	b.wantRefused(streams.Refusals{CustomerID: "a", Count: 3}, streams.Refusals{CustomerID: "b", Count: 1}, streams.Refusals{CustomerID: "c d", Count: 1})
	if ttl := b.client.PTTL(t.Context(), "{s}:refused").Val(); ttl < 47*time.Hour || ttl > 48*time.Hour {
		t.Errorf("expires in %v", ttl)
	}
	c.toNext(b, time.Hour)
	b.refuseRecords(q, record.RateLimited, "b")
	b.wantRefused(streams.Refusals{CustomerID: "a", Count: 2, Error: 1}, streams.Refusals{CustomerID: "b", Count: 2, Error: 1}, streams.Refusals{CustomerID: "c d", Count: 1, Error: 1})
	c.step(10 * time.Hour)
	b.wantRefused()
}

// Settling again, as after a lost reply, and settling what another worker has settled or
// taken over, counts nothing.
func TestARefusalCountsOnce(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	s := b.refuseRecords(q, record.RateLimited, "a", "b")
	for range 3 {
		_, err := q.Settle(t.Context(), s)
		must(t, err)
	}
	b.pushMany(1)
	held := streamstest.All(record.RateLimited, streamstest.Receive(t, q, 1))
	held[0].CustomerID = "a"
	must(t, b.client.Do(t.Context(), "xclaim", "s", "g", "thief", "0", held[0].ID).Err())
	_, err := q.Settle(t.Context(), append(held, held...))
	must(t, err)
	b.wantRefused(streams.Refusals{CustomerID: "a", Count: 1}, streams.Refusals{CustomerID: "b", Count: 1})
}

func TestARefusalWhoseReplyIsLostCountsOnce(t *testing.T) {
	b := newRig(t)
	cutter := &env.Cutter{}
	client := redis.NewClient(&redis.Options{Addr: b.server.Addr, Dialer: cutter.Dial, Protocol: 2, MaxRetries: -1})
	defer client.Close()
	q := b.stream(client, "c", nil)
	b.refuseRecords(q, record.RateLimited, "a")
	b.pushMany(1)
	s := streamstest.All(record.RateLimited, streamstest.Receive(t, q, 1))
	s[0].CustomerID = "a"
	cutter.Cut("evalsha", 1)
	if _, err := q.Settle(t.Context(), s); err == nil {
		t.Fatal("the reply was not lost")
	}
	_, err := q.Settle(t.Context(), s)
	must(t, err)
	b.wantRefused(streams.Refusals{CustomerID: "a", Count: 2})
}

// What keeps the sketch from being written does not keep records from being settled.
func TestRecordsAreSettledWithoutTheSketch(t *testing.T) {
	b := newRig(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.DeadLetters.On = false })
	must(t, b.client.Set(t.Context(), "{s}:refused", "x", 0).Err())
	b.refuseRecords(q, record.RateLimited, "a")
	b.wantLedger(map[string]string{"rate_limited": "1"})
	must(t, b.client.Del(t.Context(), "{s}:refused").Err())
	must(t, b.client.ConfigSet(t.Context(), "maxmemory", "0").Err())
	must(t, b.client.Do(t.Context(), "acl", "setuser", "default", "-hset").Err())
	b.refuseRecords(q, record.RateLimited, "a")
	b.wantLedger(map[string]string{"rate_limited": "2"})
	if b.pending() != 0 {
		t.Error("still pending")
	}
}

// exact counts refusals exactly, halved by the hour.
type exact struct {
	counts map[string]float64
	total  float64
}

func (e *exact) age(hours int) {
	share := math.Pow(0.5, float64(hours))
	for c := range e.counts {
		e.counts[c] *= share
	}
	e.total *= share
}

func (e *exact) add(batch map[string]int) {
	for c, n := range batch {
		e.counts[c] += float64(n)
		e.total += float64(n)
	}
}

// check compares a sketch with the exact counts.
func (e *exact) check(t *rapid.T, sketch []streams.Sketched) {
	const rounding = 1e-9
	bound := e.total/streams.MaxRefused + rounding
	if len(sketch) > streams.MaxRefused {
		t.Fatalf("%d customers", len(sketch))
	}
	there := map[string]bool{}
	for _, s := range sketch {
		there[s.CustomerID] = true
		if n := e.counts[s.CustomerID]; s.Count < n-rounding || s.Count-s.Error > n+rounding || s.Error > bound {
			t.Fatalf("%s: %v with an error of at most %v, want %v; %v in all", s.CustomerID, s.Count, s.Error, n, e.total)
		}
	}
	for c, n := range e.counts {
		if !there[c] && n > bound {
			t.Fatalf("%s is absent with %v of %v", c, n, e.total)
		}
	}
}

// The sketch keeps its promise for any traffic.
func TestTheSketchIsWithinItsBounds(t *testing.T) {
	b := newRig(t)
	most := 0
	rapid.Check(t, func(t *rapid.T) {
		key := fmt.Sprintf("sketch %d", rapid.Uint64().Draw(t, "key"))
		hour, e := 1000, exact{counts: map[string]float64{}}
		customers := rapid.SampledFrom([]int{3, 99, 100, 101, 150, 400}).Draw(t, "customers")
		skew := rapid.SampledFrom([]float64{1, 2, 6}).Draw(t, "skew")
		for range rapid.IntRange(1, 25).Draw(t, "batches") {
			if hours := rapid.SampledFrom([]int{0, 0, 0, 1, 5}).Draw(t, "hours"); hours > 0 {
				hour += hours
				e.age(hours)
			}
			batch := map[string]int{}
			for range rapid.IntRange(1, 500).Draw(t, "records") {
				at := math.Pow(rapid.Float64Range(0, 1).Draw(t, "customer"), skew)
				batch[fmt.Sprint(int(at*float64(customers)))]++
			}
			e.add(batch)
			sketch, err := streams.Sketch(context.Background(), b.client, key, batch, hour)
			if err != nil {
				t.Fatal(err)
			}
			e.check(t, sketch)
			most = max(most, len(sketch))
		}
		b.client.Del(context.Background(), key)
	})
	if most != streams.MaxRefused {
		t.Errorf("at most %d customers were kept", most)
	}
}

// A customer that is refused more often than others is found, however many others there are.
func TestTheMostRefusedCustomerIsFound(t *testing.T) {
	b := newRig(t)
	var list []streams.Sketched
	for i := range 200 {
		batch := map[string]int{"greedy": 20}
		for j := range 100 {
			batch[fmt.Sprint(i*100+j)] = 1
		}
		var err error
		list, err = streams.Sketch(t.Context(), b.client, "k", batch, 5)
		must(t, err)
	}
	top := slices.MaxFunc(list, func(a, b streams.Sketched) int { return cmp.Compare(a.Count, b.Count) })
	if top.CustomerID != "greedy" || top.Count != 4000 || top.Error != 0 {
		t.Errorf("%+v", top)
	}
	if n := b.client.HLen(t.Context(), "k").Val(); n != streams.MaxRefused+1 {
		t.Errorf("%d fields", n)
	}
}

// What another client has written into the sketch is passed over, and does not keep workers
// from counting.
func TestFieldsOfOthersInTheSketchArePassedOver(t *testing.T) {
	b, c := newRigWithClock(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.DeadLetters.On = false })
	must(t, q.Open(t.Context()))
	c.toNext(b, time.Hour)
	for customer, value := range map[string]string{"a": "x y", "b": "nan nan", "c": "inf 0", "d": "-5 -7", "e": "1 2", "f": "1e300 1", "g": "", "h": "3"} {
		must(t, b.client.HSet(t.Context(), "{s}:refused", customer, value).Err())
	}
	b.refuseRecords(q, record.RateLimited, "b", "z", "z")
	b.wantRefused(streams.Refusals{CustomerID: "z", Count: 2}, streams.Refusals{CustomerID: "b", Count: 1})
}
