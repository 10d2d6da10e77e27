package limiter_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/limiter"
)

// mutants are faults that limiters of this kind have had. Each is a change of the
// script's text, and the traffic in which the rule breaks by it.
var mutants = []struct {
	name          string
	before, after string
	broken        func(*testing.T, *redis.Client, *limiter.Limiter) bool
}{
	{
		"the member is the time", `judge(ARGV[IDS + answered + 1], `, `judge(score, `,
		func(t *testing.T, _ *redis.Client, l *limiter.Limiter) bool {
			return admissions(t, l, 0, 0, 0, 0) > 2
		},
	},
	{
		"the window is one-sided", `local function roomy()
`, `local function roomy()
  do return call('ZCOUNT', key, '(' .. (t - W), score) < L end
`,
		func(t *testing.T, _ *redis.Client, l *limiter.Limiter) bool {
			return admissions(t, l, 9, 8, 7, 6) > 2
		},
	},
	{
		"a refusal is recorded", `if place - t > delay then return REFUSED, place end`,
		`if place - t > delay then put(id, top, t) return REFUSED, place end`,
		func(t *testing.T, client *redis.Client, l *limiter.Limiter) bool {
			admissions(t, l, 0, 0, 5)
			return card(t, client, "{q}:limit:ann") > 2 || admissions(t, l, 12, 13) < 2
		},
	},
	{
		"the key expires before its window ends", `local life = max(now, highest) - now + lateness + W`, `local life = W - 1000`,
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
	text, err := os.ReadFile("judge.lua")
	if err != nil {
		t.Fatal(err)
	}
	source := string(text)
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			if strings.Count(source, m.before) != 1 {
				t.Fatalf("the script has changed: it does not have once %q", m.before)
			}
			server := realRedis(t)
			client := server.Client(t)
			whole := limiter.New(client, config(2, 10*time.Second))
			if m.broken(t, client, whole) {
				t.Error("the rule is broken by the script as it is")
			}
			if err := client.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			faulty := redis.NewScript(strings.Replace(source, m.before, m.after, 1))
			if err := faulty.Load(t.Context(), client).Err(); err != nil {
				t.Fatal(err)
			}
			swapped := hooked(t, server, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
				cmd.Args()[1] = faulty.Hash()
				return next(ctx, cmd)
			})
			if !m.broken(t, client, limiter.New(swapped, config(2, 10*time.Second))) {
				t.Error("the rule holds in spite of the fault")
			}
		})
	}
}
