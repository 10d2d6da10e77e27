package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/streams"
)

// TestDoctorComparesLiveWorkers runs workers that should not run together.
func TestDoctorComparesLiveWorkers(t *testing.T) {
	t.Parallel()
	r := newHarness(t, stream)
	first := r.start("STREAM_CONSUMER=one", "WORKER_CONCURRENCY=2")
	second := r.start("STREAM_CONSUMER=two")
	r.awaitWorkers("one", "two")
	if found := r.doctor(0); strings.Contains(found, "worker-") {
		t.Errorf("the workers agree, but doctor says:\n%s", found)
	}
	r.stop(second)
	r.awaitWorkers("one")

	third := r.start("STREAM_CONSUMER=three", "RATE_LIMIT_LIMIT=9")
	r.awaitWorkers("one", "three")
	if found := r.doctor(1); !strings.Contains(found, "worker-settings: the workers differ in RATE_LIMIT_LIMIT: 5 (one); 9 (three)") {
		t.Errorf("doctor says:\n%s", found)
	}
	r.stop(third)

	fourth := r.start("STREAM_CONSUMER=one")
	env.Eventually(t, late, func() (bool, string) {
		found := r.doctor(-1)
		return strings.Contains(found, `worker-names: two workers have the name "one"`), found
	})
	r.stop(first)
	r.stop(fourth)
	r.awaitWorkers()
}

// awaitWorkers waits until these workers, and no others, are listed.
func (r *harness) awaitWorkers(names ...string) {
	r.t.Helper()
	env.Eventually(r.t, late, func() (bool, string) {
		workers, err := streams.ReadWorkers(r.ctx(), r.client, r.key())
		if err != nil {
			return false, err.Error()
		}
		var have []string
		for _, w := range workers {
			have = append(have, w.Consumer)
			if w.Host == "" || w.PID == 0 || w.Version == "" || time.Since(w.StartedAt) > late || w.Settings["MONGO_DB"] != database || w.Settings["REDIS_URL"] != "" {
				r.t.Errorf("%+v", w)
			}
		}
		return strings.Join(have, " ") == strings.Join(names, " "), strings.Join(have, " ")
	})
}

// doctor returns what ingestctl doctor finds, one finding a line. A code of -1 is any.
func (r *harness) doctor(code int) string {
	r.t.Helper()
	p := env.Process(r.t, env.Build(r.t, "ingestion/cmd/ingestctl"), []string{"doctor", "--json"}, r.env)
	if got := p.Wait(soon); code >= 0 && got != code {
		r.t.Errorf("exit code %d, want %d", got, code)
	}
	var out struct {
		Checks []struct {
			Check    string
			Findings []struct{ What string }
		}
	}
	if err := json.Unmarshal([]byte(strings.Join(p.Lines(), "\n")), &out); err != nil {
		r.t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range out.Checks {
		for _, f := range c.Findings {
			b.WriteString(c.Check + ": " + f.What + "\n")
		}
	}
	return b.String()
}
