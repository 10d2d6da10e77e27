package limiter_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"ingestion/limiter"
)

// longestHold is how long one script call may keep Redis from others, on a
// machine on which the known work takes at most its usual time.
const (
	longestHold = 20 * time.Millisecond
	usualWork   = 15 * time.Millisecond
)

// knownWork is of the kind that the limiter's script does.
var knownWork = redis.NewScript(`
for i = 1, 20000 do
  redis.call('ZCOUNT', KEYS[1], '(' .. i, '+inf')
end`)

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

// allowed is the longest hold by the speed of this machine, now. A slow one is
// given up to three times as long: a script without bound takes more than that.
func (s *stopwatch) allowed() time.Duration {
	before := s.processor()
	if err := knownWork.Run(context.Background(), s.control, []string{"work"}).Err(); err != nil && err != redis.Nil {
		s.t.Fatal(err)
	}
	slowness := float64(s.processor()-before) / float64(usualWork)
	return time.Duration(float64(longestHold) * min(max(slowness, 1), 3))
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

// placeAll gives each of the records a place at that time.
func placeAll(t *testing.T, client *redis.Client, ms int64, requests []limiter.Request) {
	t.Helper()
	var places []redis.Z
	for _, r := range requests {
		places = append(places, redis.Z{Score: float64(ms), Member: r.Member})
	}
	if err := client.ZAdd(t.Context(), "{q}:limit:ann", places...).Err(); err != nil {
		t.Fatal(err)
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
	window   time.Duration // 0: a minute
	again    bool          // each record has a place further ahead than the delay, a day
}

// TestNoCallHoldsRedis judges batches of 500 at a limit of 10,000 in a minute; of
// fewer where each record alone takes several calls.
func TestNoCallHoldsRedis(t *testing.T) {
	const minute = 60_000
	loads := map[string]load{
		"first records":             {requests: spread(someTime, 6)},
		"live":                      {places: 9_900, step: 6, requests: spread(someTime+9_900*6, 6)},
		"late, refused":             {places: 50_000, step: 6, requests: spread(someTime+minute, 60)},
		"late, hardly any room":     {places: 50_000, step: 6.001, requests: spread(someTime+minute, 60)[:25]},
		"late, room for some":       {places: 50_000, step: 6.01, requests: spread(someTime+minute, 60)[:25]},
		"late, reserved at the end": {places: 100_000, step: 6, reserve: true, requests: spread(someTime, 1)},
		"much to prune":             {places: 100_000, step: 6, floor: someTime + 100_000*6, requests: spread(someTime+100_000*6, 6)},
		"repeated, far behind":      {reserve: true, requests: spread(someTime, 6), window: time.Second, again: true},
		"the same, and no room":     {places: 100_000, step: 0.1, reserve: true, requests: spread(someTime, 1)[:25], window: time.Second, again: true},
	}
	for name, load := range loads {
		t.Run(name, func(t *testing.T) {
			// What the machine does beside may make a call seem longer, never
			// shorter: a call that takes too long does so each time.
			var longest, allowed time.Duration
			for range 3 {
				if longest, allowed = load.judge(t); longest <= allowed {
					return
				}
			}
			t.Errorf("a script call took %v of Redis' time, want at most %v", longest, allowed)
		})
	}
}

// judge returns how long the longest call took, and may take.
func (l load) judge(t *testing.T) (longest, allowed time.Duration) {
	t.Helper()
	if l.window == 0 {
		l.window = time.Minute
	}
	server := realRedis(t)
	watch := &stopwatch{t: t, control: server.Client(t)}
	fill(t, watch.control, l.places, l.step)
	if l.again {
		placeAll(t, watch.control, someTime+30*time.Hour.Milliseconds(), l.requests)
	}
	cfg := config(10_000, l.window)
	cfg.Reserve, cfg.MaxDelay = l.reserve, time.Hour
	if l.again {
		cfg.MaxDelay = 24 * time.Hour
	}
	cfg.Floor = func() int64 { return l.floor }
	start := time.Now()
	verdicts := judge(t, newLimiter(t, hooked(t, server, watch.around), cfg), l.requests...)
	took := time.Since(start)
	allowed = watch.allowed()
	t.Logf("%d admitted, %d calls, the longest %v of %v, all %v", count(verdicts, admitted), watch.calls, watch.longest, allowed, took)
	return watch.longest, allowed
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
	l := newLimiter(t, client, cfg)
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

// TestLearntIsForgottenWhenOthersFillAgain loses the places of a queue whose end
// is remembered, and lets another worker give places at that end: what lies before
// has room again.
func TestLearntIsForgottenWhenOthersFillAgain(t *testing.T) {
	client := realRedis(t).Client(t)
	cfg := config(5, time.Second)
	cfg.Reserve, cfg.MaxDelay = true, time.Hour
	ours, theirs := newLimiter(t, client, cfg), newLimiter(t, client, cfg)
	judge(t, ours, spread(someTime, 0)...)
	judge(t, ours, at("ann", "another", someTime))
	if err := client.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	model := limiter.Model{Reserve: true, MaxDelay: time.Hour}
	limit := limiter.Limit{Records: 5, Window: time.Second}
	ask := func(l *limiter.Limiter, requests []limiter.Request) {
		t.Helper()
		for i, got := range judge(t, l, requests...) {
			if diff := cmp.Diff(model.Judge(requests[i], limit), got); diff != "" {
				t.Errorf("record %d, %+v (-model +script):\n%s", i, requests[i], diff)
			}
		}
	}
	end := int64(99_000)
	ask(theirs, spread(someTime+end, 0)[:5])
	ask(theirs, spread(someTime, 0)[5:10])
	ask(ours, spread(someTime, 0)[10:20])
}

// TestLearntIsOfOneLimit raises the limit after the end of the queue under the
// old one is remembered: then the first window has room again.
func TestLearntIsOfOneLimit(t *testing.T) {
	client := realRedis(t).Client(t)
	cfg := config(5, time.Second)
	cfg.Reserve, cfg.MaxDelay = true, time.Hour
	l := newLimiter(t, client, cfg)
	judge(t, l, spread(someTime, 0)...)
	judge(t, l, at("ann", "another", someTime))
	if err := client.HSet(t.Context(), "{q}:limits", "ann", "6/1").Err(); err != nil {
		t.Fatal(err)
	}
	if v := judge(t, l, at("ann", "sixth", someTime+500))[0]; v.Decision != admitted || v.Place != someTime+500 {
		t.Errorf("under the raised limit %+v, want it admitted at once", v)
	}
}
