package limiter_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"ingestion/limiter"
)

func TestParseLimit(t *testing.T) {
	day := 24 * time.Hour
	for text, want := range map[string]limiter.Limit{
		"5/60":            {Records: 5, Window: time.Minute},
		"1000000/2678400": {Records: 1_000_000, Window: 31 * day},
		"off":             {Mode: limiter.Off},
		"block":           {Mode: limiter.Block},
	} {
		got, err := limiter.ParseLimit(text)
		if err != nil || got != want {
			t.Errorf("ParseLimit(%q) = %+v, %v, want %+v", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("%q is written as %q", text, got)
		}
	}
	for _, text := range badLimits {
		if got, err := limiter.ParseLimit(text); err == nil {
			t.Errorf("ParseLimit(%q) = %+v, want an error", text, got)
		}
	}
}

var badLimits = []string{
	"", "5", "5/", "/60", "0/60", "5/0", "-5/60", "5/-60", "+5/60", "05/60", "5/060", "5 /60", "5/60 ", "5/60/7", "5/60\n", "5.0/60",
	"1e3/60", "five/60", "1000001/60", "5/2678401", "99999999999999999999/60", "5/99999999999999999999", "OFF", "Block", "unlimited",
}

// TestScriptReadsLimitsAsGo compares what the script does under a text with what
// the model does under the limit that Go reads in it.
func TestScriptReadsLimitsAsGo(t *testing.T) {
	client := realRedis(t).Client(t)
	text := rapid.OneOf(
		rapid.SampledFrom(append([]string{"off", "block", "5/60"}, badLimits...)),
		rapid.StringMatching(`[+-]?[0-9]{1,8}/[0-9]{1,8}[ x/]?`),
		rapid.StringMatching(`[0-3]/[0-3]`),
	)
	checks(t, func(t *rapid.T) {
		tr := trace{limit: limiter.Limit{Records: 2, Window: 2 * time.Second}, slice: 500, budget: 5000}
		b := batch{clock: someTime + time.Hour.Milliseconds()}
		for i, offset := range []int64{0, 0, 0, 999, 1000, 1999, 2000, 2999, 3000} {
			b.requests = append(b.requests, at("ann", string(rune('a'+i)), someTime+offset))
		}
		b.own = map[string]string{"ann": text.Draw(t, "own")}
		newReplay(t, client, tr).play(b)
	})
}

// TestBadLimitIsToldOnce warns once for each customer and value.
func TestBadLimitIsToldOnce(t *testing.T) {
	client := realRedis(t).Client(t)
	var told []string
	cfg := config(5, time.Minute)
	cfg.BadLimit = func(customer, value string) { told = append(told, customer+" "+value) }
	l := newLimiter(t, client, cfg)
	for _, own := range []map[string]string{{"ann": "-5/60"}, {"bob": "-5/60"}, {"ann": "huge"}, {"ann": "-5/60"}} {
		if err := client.HSet(t.Context(), "{q}:limits", own).Err(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			for _, v := range judge(t, l, at("ann", "a", someTime), at("bob", "b", someTime)) {
				if v.Limit.Records != 5 {
					t.Errorf("under a bad limit %+v, want the default", v.Limit)
				}
			}
		}
	}
	if diff := cmp.Diff([]string{"ann -5/60", "bob -5/60", "ann huge"}, told); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// TestDelayIsBoundedInWindows repeats a record far behind its latest place, under
// a window so short that the delay has many: it is found 3600 windows ahead.
func TestDelayIsBoundedInWindows(t *testing.T) {
	const second = 1000
	for server, client := range map[string]*redis.Client{"redis": realRedis(t).Client(t), "miniredis": embeddedRedis(t)} {
		t.Run(server, func(t *testing.T) {
			if err := client.HSet(t.Context(), "{q}:limits", "ann", "1/1").Err(); err != nil {
				t.Fatal(err)
			}
			cfg := config(5, time.Minute)
			cfg.Reserve, cfg.MaxDelay = true, 24*time.Hour
			l, model := newLimiter(t, client, cfg), limiter.Model{Reserve: true, MaxDelay: 24 * time.Hour}
			limit := limiter.Limit{Records: 1, Window: time.Second}
			for _, s := range []struct {
				at   int64
				want limiter.Decision
				time int64
			}{
				{3601 * second, admitted, 3601 * second},
				{1, reserved, 3601 * second},
				{0, admitted, 0},
				{-100 * second, reserved, 0},
				{-3600*second - 999, reserved, 0},
				{-3601 * second, admitted, -3601 * second},
			} {
				r := at("ann", "a", someTime+s.at)
				want := limiter.Verdict{Decision: s.want, Place: someTime + s.time, Limit: limit}
				if diff := cmp.Diff(want, model.Judge(r, limit)); diff != "" {
					t.Fatalf("at %d ms, the model (-want +got):\n%s", s.at, diff)
				}
				if diff := cmp.Diff(want, judge(t, l, r)[0]); diff != "" {
					t.Fatalf("at %d ms, the script (-want +got):\n%s", s.at, diff)
				}
			}
		})
	}
}

// TestLongWindows has the longest one, in which the bound of the delay, thousands
// of windows, is longer than a time.Duration can be.
func TestLongWindows(t *testing.T) {
	client := realRedis(t).Client(t)
	cfg := config(1, limiter.MaxWindow)
	cfg.Reserve, cfg.MaxDelay = true, limiter.MaxWindow
	model := limiter.Model{Reserve: true, MaxDelay: cfg.MaxDelay}
	l := newLimiter(t, client, cfg)
	for i := range 3 {
		request := at("ann", fmt.Sprint(i), someTime)
		want := model.Judge(request, limiter.Limit{Records: 1, Window: limiter.MaxWindow})
		if diff := cmp.Diff(want, judge(t, l, request)[0]); diff != "" {
			t.Errorf("record %d (-model +script):\n%s", i, diff)
		}
	}
}
