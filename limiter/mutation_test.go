package limiter_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/limiter"
)

// mutants are faults that limiters of this kind have had. Each is changes of the
// script's text, before and after, and the traffic in which the rule breaks by them.
var mutants = []struct {
	name    string
	changes []string
	broken  func(*testing.T, *redis.Client, *limiter.Limiter) bool
}{
	{
		"the member is the time",
		[]string{`judge(ARGV[IDS + answered + 1])`, `judge(score)`},
		func(t *testing.T, _ *redis.Client, l *limiter.Limiter) bool {
			return admissions(t, l, 0, 0, 0, 0) > 2
		},
	},
	{
		"one place more than the limit",
		[]string{`if size < L then`, `if size <= L then`},
		func(t *testing.T, _ *redis.Client, l *limiter.Limiter) bool {
			return admissions(t, l, 0, 0, 0, 0) > 2
		},
	},
	{
		"the window is one-sided",
		[]string{`local room = roomy()`, `local room = call('ZCOUNT', key, '(' .. t - W, score) < L`},
		func(t *testing.T, _ *redis.Client, l *limiter.Limiter) bool {
			return admissions(t, l, 9, 8, 7, 6) > 2
		},
	},
	{
		"a refusal is recorded",
		[]string{`if at - t > delay then return REFUSED, at end`, `if at - t > delay then addFurther(id, top, t) return REFUSED, at end`},
		func(t *testing.T, client *redis.Client, l *limiter.Limiter) bool {
			admissions(t, l, 0, 0, 5)
			return card(t, client, "{q}:limit:ann") > 2 || admissions(t, l, 12, 13) < 2
		},
	},
	{
		"an arrival ahead of the clock counts",
		[]string{`given == CLOCK or t > now then`, `given == CLOCK then`},
		func(t *testing.T, client *redis.Client, l *limiter.Limiter) bool {
			judge(t, l, at("ann", "a", farAhead))
			return client.ZScore(t.Context(), "{q}:limit:ann", "a").Val() > float64(time.Now().Add(time.Hour).UnixMilli())
		},
	},
	{
		"the key expires before its window ends",
		[]string{`life + floor(min(W, lateness) / 2)`, `W - 1000`},
		func(t *testing.T, client *redis.Client, l *limiter.Limiter) bool {
			admissions(t, l, 0)
			return client.PTTL(t.Context(), "{q}:limit:ann").Val() < time.Hour+10*time.Second
		},
	},
}

// admissions judges records of "ann", each with an ID of its own, that arrive so
// many seconds after some time, and returns how many were admitted.
func admissions(t *testing.T, l *limiter.Limiter, seconds ...float64) int {
	t.Helper()
	n := 0
	for i, s := range seconds {
		if v := judge(t, l, at("ann", fmt.Sprint(len(seconds), "-", i), ms(s)))[0]; v.Decision == admitted {
			n++
		}
	}
	return n
}

// TestFaultsAreFound puts each fault into the script and wants the rule to break,
// and to hold without: the traffic is that which the other tests are made of.
func TestFaultsAreFound(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			server := realRedis(t)
			client := server.Client(t)
			whole := newLimiter(t, client, config(2, 10*time.Second))
			if m.broken(t, client, whole) {
				t.Error("the rule is broken by the script as it is")
			}
			if err := client.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			if !m.broken(t, client, newLimiter(t, patched(t, server, m.changes...), config(2, 10*time.Second))) {
				t.Error("the rule holds in spite of the fault")
			}
		})
	}
}
