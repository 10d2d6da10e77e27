package limiter_test

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"ingestion/limiter"
)

// trace is random traffic of a few customers.
type trace struct {
	limit    limiter.Limit // the default
	reserve  bool
	maxDelay time.Duration
	budget   int
	slice    int
	changing bool
	batches  []batch
}

// batch is what is judged in one call, after a change of own limits.
type batch struct {
	own      map[string]string // "" takes the own limit away
	requests []limiter.Request
	clock    int64 // that of Redis, ms
	again    bool  // judged twice, as after a lost reply
}

const (
	someTime = 1_700_000_000_000
	farAhead = 1_700_000_000_000_000 // an ID of someone who counts microseconds
)

var customers = []string{"ann", "bob", "Zoë"}

func drawTrace(t *rapid.T) trace {
	tr := trace{
		limit: limiter.Limit{
			Records: drawLimit(t),
			Window:  time.Duration(drawSeconds(t)) * time.Second,
		},
		reserve: rapid.Bool().Draw(t, "reserve"),
		budget:  rapid.SampledFrom([]int{1, 30, 5000}).Draw(t, "budget"),
		slice:   rapid.SampledFrom([]int{1, 7, 500}).Draw(t, "slice"),
	}
	window := tr.limit.Window
	tr.maxDelay = time.Duration(rapid.Int64Range(0, 4*window.Milliseconds()).Draw(t, "delay")) * time.Millisecond
	tr.changing = rapid.Bool().Draw(t, "changing limits")
	people := customers[:rapid.IntRange(1, len(customers)).Draw(t, "customers")]
	members := rapid.IntRange(1, 200).Draw(t, "members")
	reach := drawReach(t, window)
	request := rapid.Custom(func(t *rapid.T) limiter.Request {
		return limiter.Request{
			CustomerID: rapid.SampledFrom(people).Draw(t, "customer"),
			Member:     fmt.Sprintf("id%d", rapid.IntRange(1, members).Draw(t, "member")),
			At:         drawArrival(t, window.Milliseconds(), reach),
		}
	})
	// rapid's own lengths are so short that large limits would never be met.
	length := rapid.SampledFrom([]int{1, 3, 10, 30, 100}).Draw(t, "length")
	requests := rapid.SliceOfN(request, length, length).Draw(t, "requests")
	clock := drawClock(t, window.Milliseconds(), reach)
	for len(requests) > 0 {
		n := rapid.IntRange(1, len(requests)).Draw(t, "batch")
		b := batch{requests: requests[:n], clock: clock(), again: rapid.Bool().Draw(t, "again")}
		if tr.changing {
			b.own = map[string]string{rapid.SampledFrom(people).Draw(t, "whose"): drawOwn(t)}
		}
		tr.batches = append(tr.batches, b)
		requests = requests[n:]
	}
	return tr
}

// drawArrival has now and then one that is far ahead of any clock.
func drawArrival(t *rapid.T, window, reach int64) int64 {
	if rapid.IntRange(0, 19).Draw(t, "kind of arrival") == 0 {
		return farAhead
	}
	return someTime + drawOffset(t, window, reach)
}

// drawLimit favours small limits, which fill up in a short trace.
func drawLimit(t *rapid.T) int {
	return rapid.OneOf(rapid.IntRange(1, 5), rapid.SampledFrom(upTo50())).Draw(t, "limit")
}

func upTo50() []int {
	limits := make([]int, 50)
	for i := range limits {
		limits[i] = i + 1
	}
	return limits
}

func drawSeconds(t *rapid.T) int {
	return rapid.OneOf(rapid.IntRange(1, 60), rapid.IntRange(1, 600)).Draw(t, "seconds")
}

// drawReach is how many ms the trace spans: crowded, ordinary or thin.
func drawReach(t *rapid.T, window time.Duration) int64 {
	factor := rapid.SampledFrom([]float64{0.1, 1, 3, 10}).Draw(t, "reach")
	return int64(factor * float64(window.Milliseconds()))
}

// drawOffset mixes any time with times at, just before and just after quarters of
// the window, where half-open windows begin and end.
func drawOffset(t *rapid.T, window, reach int64) int64 {
	if rapid.Bool().Draw(t, "anywhere") {
		return rapid.Int64Range(0, reach).Draw(t, "offset")
	}
	quarter := window / 4
	return rapid.Int64Range(0, reach/quarter).Draw(t, "quarter")*quarter + rapid.Int64Range(-1, 1).Draw(t, "side")
}

// drawClock is a clock that all arrivals lie behind, or one of which some are
// ahead, that is set back now and then, all in all by less than a window.
func drawClock(t *rapid.T, window, reach int64) func() int64 {
	now, latest := int64(someTime+reach+window), int64(0)
	if rapid.Bool().Draw(t, "behind the clock") {
		return func() int64 { return now }
	}
	now = someTime + rapid.Int64Range(0, reach).Draw(t, "clock")
	return func() int64 {
		now += rapid.Int64Range(0, window).Draw(t, "passed")
		latest = max(latest, now)
		if rapid.IntRange(0, 3).Draw(t, "set back") == 0 {
			now = max(now-rapid.Int64Range(0, window).Draw(t, "by"), latest-window+1)
		}
		return now
	}
}

func drawOwn(t *rapid.T) string {
	if rapid.IntRange(0, 9).Draw(t, "kind") > 3 {
		return fmt.Sprintf("%d/%d", drawLimit(t), drawSeconds(t))
	}
	return rapid.SampledFrom([]string{"", "off", "block", "5", "-1/60", "0/60", "5/0", "5/99999999", "9999999/1", "five/60", "05/60", "5/60 "}).Draw(t, "own")
}
