package main_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/record"
)

// status reads nothing that grows with the backlog: with 10,000,000 undelivered entries it
// answers within a second, with few commands of which none takes Redis long, whether the
// number of undelivered entries can be told without counting them or not.
func TestTheStatusOfTenMillionEntries(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 to 20 s and some 200 MB")
	}
	const entries = 10_000_000
	r := rigOn(t, env.Redis(t, env.WithConfig("appendonly", "no")).URL(), 1)
	r.withMongo()
	r.work()
	began := time.Now()
	r.fill(entries)
	t.Logf("made %d entries in %v", entries, time.Since(began).Round(time.Second))
	const settled = 16_000 // more than are counted, so that there are as many before the backlog
	for range settled / 500 {
		r.settleNext(0, record.Ingested, 500)
	}

	check := func(t *testing.T, known bool) {
		if got := r.status(0, "--max-age", "1h"); known != (got.Total.Undelivered != nil) || known && *got.Total.Undelivered != entries-settled {
			t.Errorf("%+v", got.Total)
		}
		// The times are those of a busy machine: a count of all would take seconds.
		const answers, longest, commands = 5, 500 * time.Millisecond, 20
		must(t, r.client.ConfigSet(t.Context(), "slowlog-log-slower-than", fmt.Sprint(longest.Microseconds())).Err())
		must(t, r.client.ConfigResetStat(t.Context()).Err())
		must(t, r.client.Do(t.Context(), "slowlog", "reset").Err())
		fastest := time.Hour
		for range answers {
			begin := time.Now()
			r.run(0, "status", "--max-age", "1h")
			fastest = min(fastest, time.Since(begin))
		}
		t.Logf("answers within %v", fastest.Round(time.Millisecond))
		if fastest > time.Second {
			t.Errorf("the fastest of 5 answers took %v", fastest)
		}
		var calls int
		_, _ = fmt.Sscanf(regexp.MustCompile(`cmdstat_evalsha:calls=\d+`).FindString(r.client.Info(t.Context(), "commandstats").Val()), "cmdstat_evalsha:calls=%d", &calls)
		if t.Logf("%d scripts for %d answers", calls, answers); calls < answers || calls > answers*commands {
			t.Errorf("%d scripts for %d answers", calls, answers)
		}
		for _, slow := range r.client.SlowLogGet(t.Context(), 10).Val() {
			t.Errorf("a command took Redis %v, more than %v: %.60s", slow.Duration, longest, strings.Join(slow.Args, " "))
		}
	}
	t.Run("known", func(t *testing.T) { check(t, true) })
	must(t, r.client.XDel(t.Context(), "s", r.client.XRangeN(t.Context(), "s", "-", "+", 1).Val()[0].ID).Err())
	t.Run("unknown", func(t *testing.T) { check(t, false) })
}
