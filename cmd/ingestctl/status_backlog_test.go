package main_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
)

// What operators look at does not grow with the backlog: with 10,000,000 undelivered entries
// status and the trace of an ID answer within a second, and the trace of a customer looks at
// 100,000 entries and says so. They take few commands, none of which takes Redis long,
// whether the number of undelivered entries can be told without counting them or not.
func TestTheStatusOfTenMillionEntries(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 to 20 s and some 200 MB")
	}
	const entries = 10_000_000
	r := rigOn(t, env.Redis(t, env.WithConfig("appendonly", "no")).URL(), 1)
	r.withMongo()
	r.work()
	began := time.Now()
	r.fill(entries - 1)
	r.push(0, person("42", 1))
	t.Logf("made %d entries in %v", entries, time.Since(began).Round(time.Second))
	const settled = 16_000 // more than are counted, so that there are as many before the backlog
	for range settled / 500 {
		r.settleNext(0, record.Ingested, 500)
	}
	newest := r.client.XRevRangeN(t.Context(), "s", "+", "-", 1).Val()[0].ID
	middle := r.client.XRangeN(t.Context(), "s", between(r.client.XRangeN(t.Context(), "s", "-", "+", 1).Val()[0].ID, newest), "+", 1).Val()[0].ID

	check := func(t *testing.T, known bool) {
		if got := r.status(0, "--max-age", "1h"); known != (got.Total.Undelivered != nil) || known && *got.Total.Undelivered != entries-settled {
			t.Errorf("%+v", got.Total)
		}
		r.bounded(t, time.Second, 100, "status", "--max-age", "1h")
		out := r.bounded(t, time.Second, 100, "trace", newest)
		wantWords(t, out, "UNDELIVERED", "customerId  42")
		r.bounded(t, time.Second, 100, "trace", middle)
		out = r.bounded(t, 3*time.Second, 150, "trace", "--customer", "42") // pages of 100, then of 2,000 entries
		wantWords(t, squeezed(out), newest, "looked at 100,000 of ", " in s, back to ", "--scan looks further")
	}
	t.Run("known", func(t *testing.T) { check(t, true) })
	must(t, r.client.XDel(t.Context(), "s", r.client.XRangeN(t.Context(), "s", "-", "+", 1).Val()[0].ID).Err())
	t.Run("unknown", func(t *testing.T) { check(t, false) })
}

// between is an ID in the middle of two.
func between(a, b string) string {
	return fmt.Sprint((streams.ArrivalOf(a).UnixMilli() + streams.ArrivalOf(b).UnixMilli()) / 2)
}

// bounded runs a command five times, and wants the fastest answer within a time, at most
// so many scripts, and reads of streams in and outside of them, for each, and none that takes Redis long. The bounds
// are those of a busy machine: a look at all entries would take seconds, and thousands of
// calls.
func (r *rig) bounded(t *testing.T, within time.Duration, most int, args ...string) (out string) {
	t.Helper()
	const answers, longest = 5, 500 * time.Millisecond
	must(t, r.client.ConfigSet(t.Context(), "slowlog-log-slower-than", fmt.Sprint(longest.Microseconds())).Err())
	must(t, r.client.ConfigResetStat(t.Context()).Err())
	must(t, r.client.Do(t.Context(), "slowlog", "reset").Err())
	fastest := time.Hour
	for range answers {
		begin := time.Now()
		out = r.run(0, args...)
		fastest = min(fastest, time.Since(begin))
	}
	calls := 0
	for _, m := range regexp.MustCompile(`cmdstat_(?:evalsha|xrevrange|xrange):calls=(\d+)`).FindAllStringSubmatch(r.client.Info(t.Context(), "commandstats").Val(), -1) {
		n, _ := strconv.Atoi(m[1])
		calls += n
	}
	t.Logf("%s: answers within %v, %d calls for %d answers", strings.Join(args, " "), fastest.Round(time.Millisecond), calls, answers)
	if fastest > within {
		t.Errorf("%q: the fastest of %d answers took %v, want %v", args, answers, fastest, within)
	}
	if calls < answers || calls > answers*most {
		t.Errorf("%q: %d calls for %d answers, want up to %d for each", args, calls, answers, most)
	}
	for _, slow := range r.client.SlowLogGet(t.Context(), 10).Val() {
		t.Errorf("%q: a command took Redis %v, more than %v: %.60s", args, slow.Duration, longest, strings.Join(slow.Args, " "))
	}
	return out
}
