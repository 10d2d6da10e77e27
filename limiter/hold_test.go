package limiter_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/limiter"
)

// longestHold is how long one script call may keep Redis from others.
const longestHold = 20 * time.Millisecond

// stopwatch notes the longest script call in processor time of Redis' main
// thread, which a busy machine does not stretch.
type stopwatch struct {
	t       *testing.T
	control *redis.Client
	calls   int
	longest time.Duration
}

func (s *stopwatch) around(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
	before := s.processor()
	err := next(ctx, cmd)
	s.calls, s.longest = s.calls+1, max(s.longest, s.processor()-before)
	return err
}

func (s *stopwatch) processor() time.Duration {
	info := s.control.InfoMap(context.Background(), "cpu")
	sum := 0.0
	for _, field := range []string{"used_cpu_user_main_thread", "used_cpu_sys_main_thread"} {
		seconds, err := strconv.ParseFloat(info.Item("CPU", field), 64)
		if err != nil {
			s.t.Fatal(err)
		}
		sum += seconds
	}
	return time.Duration(sum * float64(time.Second))
}

// fill puts n places, step ms apart, into the window of "ann".
func fill(t *testing.T, client *redis.Client, n int, step float64) {
	t.Helper()
	for from := 0; from < n; from += 5000 {
		var places []redis.Z
		for i := from; i < min(from+5000, n); i++ {
			id := fmt.Sprintf("%064x", i)
			places = append(places, redis.Z{Score: float64(someTime + int64(float64(i)*step)), Member: id})
		}
		if err := client.ZAdd(t.Context(), "{q}:limit:ann", places...).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// spread is 500 records of "ann", step ms apart from a time on.
func spread(from, step int64) []limiter.Request {
	var requests []limiter.Request
	for i := range int64(500) {
		requests = append(requests, at("ann", fmt.Sprintf("%064x", 1<<40+i), from+i*step))
	}
	return requests
}

// load is what is judged by a limiter of 10,000 a minute, and what was before.
type load struct {
	places   int
	step     float64 // ms between two; 6 is the limit
	reserve  bool
	floor    int64
	requests []limiter.Request
}

// TestNoCallHoldsRedis judges batches of 500 at a limit of 10,000 in a minute; of
// fewer where each record alone takes several calls.
func TestNoCallHoldsRedis(t *testing.T) {
	const minute = 60_000
	loads := map[string]load{
		"first records":             {0, 6, false, 0, spread(someTime, 6)},
		"live":                      {9_900, 6, false, 0, spread(someTime+9_900*6, 6)},
		"late, refused":             {50_000, 6, false, 0, spread(someTime+minute, 60)},
		"late, hardly any room":     {50_000, 6.001, false, 0, spread(someTime+minute, 60)[:25]},
		"late, room for some":       {50_000, 6.01, false, 0, spread(someTime+minute, 60)[:25]},
		"late, reserved at the end": {100_000, 6, true, 0, spread(someTime, 1)},
		"much to prune":             {100_000, 6, false, someTime + 100_000*6, spread(someTime+100_000*6, 6)},
	}
	for name, load := range loads {
		t.Run(name, func(t *testing.T) {
			// What the machine does beside may make a call seem longer, never
			// shorter: a call that takes too long does so each time.
			var longest time.Duration
			for range 3 {
				if longest = load.judge(t); longest <= longestHold {
					return
				}
			}
			t.Errorf("a script call took %v of Redis' time, want at most %v", longest, longestHold)
		})
	}
}

// judge returns how long the longest call took.
func (l load) judge(t *testing.T) time.Duration {
	t.Helper()
	server := realRedis(t)
	watch := &stopwatch{t: t, control: server.Client(t)}
	fill(t, watch.control, l.places, l.step)
	cfg := config(10_000, time.Minute)
	cfg.Reserve, cfg.MaxDelay = l.reserve, time.Hour
	cfg.Floor = func() int64 { return l.floor }
	start := time.Now()
	verdicts := judge(t, limiter.New(hooked(t, server, watch.around), cfg), l.requests...)
	t.Logf("%d admitted, %d calls, the longest %v, all %v", count(verdicts, admitted), watch.calls, watch.longest, time.Since(start))
	return watch.longest
}

func count(verdicts []limiter.Verdict, d limiter.Decision) int {
	n := 0
	for _, v := range verdicts {
		if v.Decision == d {
			n++
		}
	}
	return n
}

// TestLearntIsForgottenWithItsPlaces reserves after so many others that the end
// of the queue is remembered, and then empties Redis.
func TestLearntIsForgottenWithItsPlaces(t *testing.T) {
	client := realRedis(t).Client(t)
	cfg := config(5, time.Second)
	cfg.Reserve, cfg.MaxDelay = true, time.Hour
	l := limiter.New(client, cfg)
	for _, v := range judge(t, l, spread(someTime, 0)...)[5:] {
		if v.Decision != reserved {
			t.Fatalf("%+v, want it reserved", v)
		}
	}
	judge(t, l, at("ann", "another", someTime))
	if err := client.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	for i, v := range judge(t, l, spread(someTime, 0)[:10]...) {
		if want := someTime + int64(i/5)*1000; v.Place != want {
			t.Errorf("record %d of an empty window has place %d, want %d", i, v.Place, want)
		}
	}
}

// TestLearntIsOfOneLimit raises the limit after the end of the queue under the
// old one is remembered: then the first window has room again.
func TestLearntIsOfOneLimit(t *testing.T) {
	client := realRedis(t).Client(t)
	cfg := config(5, time.Second)
	cfg.Reserve, cfg.MaxDelay = true, time.Hour
	l := limiter.New(client, cfg)
	judge(t, l, spread(someTime, 0)...)
	judge(t, l, at("ann", "another", someTime))
	if err := client.HSet(t.Context(), "{q}:limits", "ann", "6/1").Err(); err != nil {
		t.Fatal(err)
	}
	if v := judge(t, l, at("ann", "sixth", someTime+500))[0]; v.Decision != admitted || v.Place != someTime+500 {
		t.Errorf("under the raised limit %+v, want it admitted at once", v)
	}
}
