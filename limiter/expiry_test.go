package limiter_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"ingestion/limiter"
)

// TestExpiry wants a key to live lateness and window after its last use or its
// highest score, whichever is later; and up to half a window more, which spares
// most records a renewal.
func TestExpiry(t *testing.T) {
	client := realRedis(t).Client(t)
	now := time.Now()
	const window, lateness = 10 * time.Minute, time.Hour
	for name, c := range map[string]struct {
		at   []time.Duration // arrivals after now
		want time.Duration   // after now
	}{
		"live":                    {[]time.Duration{0}, window + lateness},
		"backlog of hours ago":    {[]time.Duration{-5 * time.Hour}, window + lateness},
		"ahead of the clock":      {[]time.Duration{time.Hour}, window + lateness},
		"centuries ahead":         {[]time.Duration{290 * 365 * 24 * time.Hour}, window + lateness},
		"extended by another use": {[]time.Duration{-time.Hour, 0, 20 * time.Minute}, window + lateness},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(5, window)
			cfg.Lateness = lateness
			l := newLimiter(t, client, cfg)
			var together []limiter.Request
			for i, after := range c.at {
				r := at(name, fmt.Sprint(i), now.Add(after).UnixMilli())
				judge(t, l, r)
				r.CustomerID += ", together"
				together = append(together, r)
			}
			judge(t, l, together...)
			for _, customer := range []string{name, name + ", together"} {
				expires := client.PExpireTime(t.Context(), "{q}:limit:"+customer).Val() // ms since 1970
				got := time.UnixMilli(expires.Milliseconds()).Sub(now)
				if got < c.want-time.Millisecond || got > c.want+window/2+time.Minute {
					t.Errorf("%s: expires %v from now, want %v", customer, got, c.want)
				}
			}
		})
	}
}

// TestExpiryOfReservedPlaces wants a key to outlive the place that lies furthest
// ahead, whatever is judged after that.
func TestExpiryOfReservedPlaces(t *testing.T) {
	client := realRedis(t).Client(t)
	cfg := config(1, 10*time.Minute)
	cfg.Reserve, cfg.MaxDelay = true, 2*time.Hour
	l := newLimiter(t, client, cfg)
	now := time.Now()
	for i := range 7 {
		judge(t, l, at("ann", fmt.Sprint(i), now.UnixMilli()))
	}
	judge(t, l, at("ann", "old", now.Add(-5*time.Hour).UnixMilli()))
	expires := time.UnixMilli(client.PExpireTime(t.Context(), "{q}:limit:ann").Val().Milliseconds())
	if got, want := expires.Sub(now), time.Hour+10*time.Minute+time.Hour; got < want-time.Second || got > want+6*time.Minute {
		t.Errorf("expires %v from now, want %v", got, want)
	}
}

// TestPruningChangesNoAnswer follows the oldest unfinished arrival and compares
// with the model, which forgets nothing.
func TestPruningChangesNoAnswer(t *testing.T) {
	client := clocked(t, realRedis(t))
	checks(t, func(t *rapid.T) {
		tr := drawTrace(t)
		var all []*limiter.Request
		step := tr.limit.Window.Milliseconds() / 10
		for i := range tr.batches {
			tr.batches[i].own = nil
			for j := range tr.batches[i].requests {
				r := &tr.batches[i].requests[j]
				r.At += int64(len(all)) * step
				all = append(all, r)
			}
			tr.batches[i].clock += int64(len(all)) * step
		}
		done := 0
		r := newReplay(t, client, tr)
		r.config.Floor = func() int64 {
			floor := all[done].At
			for _, r := range all[done:] {
				floor = min(floor, r.At)
			}
			return floor
		}
		r.limiter = newLimiter(t, client, r.config)
		for _, b := range tr.batches {
			r.play(b)
			done += len(b.requests)
		}
		r.rule.holds(t, tr.limit)
	})
}

// TestMemoryIsBounded follows a customer for many windows.
func TestMemoryIsBounded(t *testing.T) {
	client := realRedis(t).Client(t)
	for name, floor := range map[string]bool{"known floor": true, "unknown floor": false} {
		t.Run(name, func(t *testing.T) {
			cfg := config(10, time.Second)
			now := int64(0)
			if floor {
				cfg.Floor = func() int64 { return now }
			}
			l := newLimiter(t, client, cfg)
			const records = 5000
			for i := range records {
				now = someTime + int64(i)*100
				judge(t, l, at(name, fmt.Sprint(i), now))
			}
			got := card(t, client, "{q}:limit:"+name)
			if floor && got > 40 {
				t.Errorf("%d places are kept, want only those of the last windows", got)
			}
			if !floor && got != records {
				t.Errorf("%d places are kept, want all %d while it is unknown who may still come", got, records)
			}
		})
	}
}

// TestPruningByTheClock has so many places that pruning is due, of three customers
// in one batch. It keeps the last two windows of those whose records are judged by
// the clock of Redis: a clock that is set back by a window still finds its places.
// Of the third, whose record has an arrival, none is known to be out of reach.
func TestPruningByTheClock(t *testing.T) {
	client := realRedis(t).Client(t)
	now := time.Now()
	ages := append(slices.Repeat([]time.Duration{time.Hour}, 8), 20*time.Minute+time.Second, 19*time.Minute, 5*time.Minute)
	batch := []limiter.Request{at("ann", "new", 0), at("bob", "new", 0), at("cyd", "new", now.UnixMilli())}
	all := []string{}
	for i, age := range ages {
		place := redis.Z{Score: float64(now.Add(-age).UnixMilli()), Member: fmt.Sprint(i)}
		for _, r := range batch {
			if err := client.ZAdd(t.Context(), "{q}:limit:"+r.CustomerID, place).Err(); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, fmt.Sprint(i))
	}
	judge(t, newLimiter(t, client, config(5, 10*time.Minute)), batch...)
	recent := []string{"9", "10", "new"}
	for customer, want := range map[string][]string{"ann": recent, "bob": recent, "cyd": append(all, "new")} {
		got := client.ZRange(t.Context(), "{q}:limit:"+customer, 0, -1).Val()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("records of %s kept (-want +got):\n%s", customer, diff)
		}
	}
}

// TestFloorAboveAnArrival gives a floor that is later than the records judged.
func TestFloorAboveAnArrival(t *testing.T) {
	client := realRedis(t).Client(t)
	cfg := config(1, time.Minute)
	arrival := int64(someTime)
	cfg.Floor = func() int64 { return arrival + time.Hour.Milliseconds() }
	l := newLimiter(t, client, cfg)
	judge(t, l, at("ann", "a", arrival))
	if v := judge(t, l, at("ann", "b", arrival+1))[0]; v.Decision != refused {
		t.Errorf("%+v, want a refusal: the first record's place must not be dropped", v)
	}
}
