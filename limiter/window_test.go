package limiter_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"ingestion/limiter"
)

func window(t fataler, l *limiter.Limiter, q limiter.WindowQuery) *limiter.Window {
	w, err := l.Window(context.Background(), q)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return w
}

// TestWindowHasTheScriptsPlaces reads what judge.lua has written: an ordinary record, one
// that has come again, so that it has two places, and one that waits.
func TestWindowHasTheScriptsPlaces(t *testing.T) {
	for server, client := range map[string]*redis.Client{"redis": realRedis(t).Client(t), "miniredis": embeddedRedis(t)} {
		t.Run(server, func(t *testing.T) {
			cfg := config(1, time.Minute)
			cfg.Reserve, cfg.MaxDelay = true, time.Hour
			l := newLimiter(t, client, cfg)
			minute := time.Minute.Milliseconds()
			judge(t, l, at("ann", "a", someTime), at("ann", "b", someTime), at("ann", "a", someTime+10*minute), at("bob", "x", someTime))
			w := window(t, l, limiter.WindowQuery{CustomerID: "ann", Most: 10, Member: "a"})
			want := []limiter.Place{{Member: "a", At: someTime}, {Member: "b", At: someTime + minute}, {Member: "a", At: someTime + 10*minute}}
			if diff := cmp.Diff(want, w.Around); diff != "" {
				t.Errorf("places (-want +got):\n%s", diff)
			}
			if w.Places != 3 || w.First != 0 || w.Of != someTime+10*minute || w.Limit != (limiter.Limit{Records: 1, Window: time.Minute}) {
				t.Errorf("%+v", w)
			}
			if age := time.Since(time.UnixMilli(w.Now)).Abs(); age > time.Minute {
				t.Errorf("the clock is %v off", age)
			}
			if none := window(t, l, limiter.WindowQuery{CustomerID: "cat", Most: 10, Member: "a"}); none.Places != 0 || none.Of != 0 || len(none.Around) != 0 {
				t.Errorf("a customer without places: %+v", none)
			}
		})
	}
}

// TestWindowIsBounded reads a few of many places, around any time.
func TestWindowIsBounded(t *testing.T) {
	client := realRedis(t).Client(t)
	l := newLimiter(t, client, config(1000, time.Minute))
	for i := range 100 {
		judge(t, l, at("ann", fmt.Sprint(i), someTime+int64(i)*1000))
	}
	for _, c := range []struct {
		at          int64
		first, last string
	}{{someTime, "0", "9"}, {someTime + 50_000, "46", "55"}, {0, "90", "99"}} {
		w := window(t, l, limiter.WindowQuery{CustomerID: "ann", At: c.at, Most: 10})
		if n := len(w.Around); n != 10 || w.Places != 100 || w.Around[0].Member != c.first || w.Around[n-1].Member != c.last || fmt.Sprint(w.First) != c.first {
			t.Errorf("around %d: %+v", c.at-someTime, w)
		}
		if n, exact := w.Count(someTime+47_000, someTime+50_000); (n == 3) != exact {
			t.Errorf("around %d: %d places of three, exact %v", c.at-someTime, n, exact)
		}
	}
	w := window(t, l, limiter.WindowQuery{CustomerID: "ann", At: someTime + 50_000, Most: 10})
	if v, known := w.Verdict(someTime + 50_000); known {
		t.Errorf("10 of 100 places of the window were read, and the verdict is %+v", v)
	}
}

// TestVerdictIsTheScripts asks what a new record would get, and then sends it.
func TestVerdictIsTheScripts(t *testing.T) {
	client := realRedis(t).Client(t)
	checks(t, func(t *rapid.T) {
		if err := client.FlushDB(t.Context()).Err(); err != nil {
			t.Fatalf("%v", err)
		}
		cfg := config(rapid.IntRange(1, 5).Draw(t, "limit"), time.Duration(rapid.IntRange(1, 60).Draw(t, "window"))*time.Second)
		cfg.Reserve, cfg.MaxDelay = rapid.Bool().Draw(t, "reserve"), time.Duration(rapid.IntRange(0, 300).Draw(t, "delay"))*time.Second
		own := rapid.SampledFrom([]string{"", "", "2/10", "off", "block", "five"}).Draw(t, "own")
		if own != "" {
			if err := client.HSet(t.Context(), "{q}:limits", "ann", own).Err(); err != nil {
				t.Fatalf("%v", err)
			}
		}
		l := newLimiter(t, client, cfg)
		for i := range rapid.IntRange(0, 40).Draw(t, "records") {
			arrival := someTime + rapid.Int64Range(0, 200).Draw(t, "arrival")*1000
			if _, err := l.Judge(t.Context(), []limiter.Request{at("ann", fmt.Sprint("m", i), arrival)}); err != nil {
				t.Fatalf("%v", err)
			}
		}
		now := someTime + rapid.Int64Range(-100, 400).Draw(t, "new")*1000
		w := window(t, l, limiter.WindowQuery{CustomerID: "ann", At: now, Most: 1000})
		got, known := w.Verdict(now)
		want, err := l.Judge(t.Context(), []limiter.Request{at("ann", "new", now)})
		if err != nil || !known {
			t.Fatalf("%v, known %v", err, known)
		}
		if diff := cmp.Diff(want[0], got); diff != "" {
			t.Fatalf("(-script +window):\n%s", diff)
		}
		if (w.OwnFault != nil) != (own == "five") || w.Own != own {
			t.Fatalf("own limit %q: %+v", own, w)
		}
	})
}

func TestWindowOfAWrongKey(t *testing.T) {
	client := realRedis(t).Client(t)
	l := newLimiter(t, client, config(1, time.Minute))
	if err := client.Set(t.Context(), "{q}:limit:ann", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	_, err := l.Window(t.Context(), limiter.WindowQuery{CustomerID: "ann", Most: 1})
	if _, wrong := errors.AsType[*limiter.KeyError](err); !wrong {
		t.Errorf("%v, want a KeyError", err)
	}
}

// TestWindowWhenTheLimiterIsOff: the own limits do not count then.
func TestWindowWhenTheLimiterIsOff(t *testing.T) {
	client := realRedis(t).Client(t)
	judge(t, newLimiter(t, client, config(1, time.Minute)), at("ann", "a", someTime))
	l := newLimiter(t, client, limiter.Config{Bases: []string{"q"}})
	w := window(t, l, limiter.WindowQuery{CustomerID: "ann", Most: 10})
	if v, known := w.Verdict(someTime); w.Limit.Mode != limiter.Off || w.Places != 1 || v.Decision != limiter.Admitted || !known {
		t.Errorf("%+v, %+v, %v", w, v, known)
	}
}
