package inspect_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ingestion/internal/inspect"
	"ingestion/internal/test/env"
	"ingestion/internal/test/need"
	"ingestion/record"
)

// What a worker holds is unknown unless all partitions tell.
func TestWhatAWorkerHoldsIsUnknownIfAPartitionDoesNotTell(t *testing.T) {
	r := newRig(t)
	r.hold(2)
	r.register("d")
	r.do("set", r.replaced(1), "x")
	for _, w := range r.read().Workers() {
		if w.Held >= 0 {
			t.Errorf("one of three partitions cannot be read, and %s holds %d", w.Name, w.Held)
		}
		if w.State != inspect.Live {
			t.Errorf("%s is %s", w.Name, w.State)
		}
	}
	r.src.Lease = time.Millisecond
	env.Eventually(t, soon, func() (bool, string) { // c may work in the partition that does not tell
		var got []string
		for _, w := range r.read().Workers() {
			got = append(got, fmt.Sprintf("%s %s %d", w.Name, w.State, w.Stuck))
		}
		return slices.Equal(got, []string{"c silent 2", "d live 0"}), fmt.Sprint(got)
	})
}

// A Redis at maxmemory refuses what workers say of themselves.
func TestAtMaxmemoryTheRegistryDoesNotTellWhoLives(t *testing.T) {
	r := newRig(t)
	r.asList()
	r.do("rpush", "q", "{}")
	r.do("hset", "{q}:workers", "w", `{"version":"v1","host":"h","at":1000}`)
	silent := func() inspect.WorkerState { return r.read().Workers()[0].State }
	if found := codes(r.read().Findings(inspect.Limits{})); silent() != inspect.Silent || !slices.Equal(found, []string{"error no_workers"}) {
		t.Fatalf("before: %s, %v", silent(), found)
	}
	r.limitMemory(100)
	if found := codes(r.read().Findings(inspect.Limits{})); silent() != inspect.Unclear || !slices.Equal(found, []string{"error redis_full", "warning workers_unknown"}) {
		t.Errorf("at maxmemory: %s, %v", silent(), found)
	}
	r.do("config", "set", "maxmemory-policy", "allkeys-lru") // evicts instead of refusing
	if found := codes(r.read().Findings(inspect.Limits{})); slices.Contains(found, "warning workers_unknown") {
		t.Errorf("where Redis evicts: %v", found)
	}
}

// Periods begin by the clock of Redis, which may not be that of this host.
func TestTheHistoryIsThatOfRedisClock(t *testing.T) {
	libraries, _ := filepath.Glob("/usr/lib*/*/faketime/libfaketime.so.1")
	if len(libraries) == 0 {
		need.Skip(t, "needs libfaketime: install the Debian package faketime")
	}
	need.Program(t, "redis-server")
	program := filepath.Join(t.TempDir(), "redis-server")
	must(t, os.WriteFile(program, fmt.Appendf(nil, "#!/bin/sh\nexec env 'LD_PRELOAD=%s libc.so.6' FAKETIME=-5h FAKETIME_DONT_FAKE_MONOTONIC=1 redis-server \"$@\"\n", libraries[0]), 0o755))
	t.Setenv("REDIS_SERVER_BIN", program)
	r := newRig(t)
	now := r.client.Time(t.Context()).Val()
	if behind := time.Since(now); behind < 4*time.Hour {
		t.Fatalf("Redis is only %v behind", behind)
	}
	for ago, outcome := range map[time.Duration]record.Outcome{time.Minute: record.Ingested, 2 * time.Hour: record.Invalid} {
		start := now.Add(-ago).Truncate(time.Minute)
		r.do("hset", "{s:0}:history:minute", start.Unix()/60%1440, fmt.Sprintf("%d %s=7", start.UnixMilli(), outcome))
	}
	r.opts.History = time.Hour
	h := r.read().History
	if h.Err != nil || len(h.Periods) != 1 || h.Periods[0].Outcomes[record.Ingested] != 7 {
		t.Errorf("%+v", h)
	}
}

// Where a Redis that answers refuses everything, the rights are to be mended.
func TestARedisThatRefusesEverythingIsNotDown(t *testing.T) {
	r := newRig(t)
	r.asUser("-@all")
	found := r.read().Findings(inspect.Limits{})
	if !slices.Equal(codes(found), []string{"error redis_denied"}) {
		t.Fatalf("%+v", found)
	}
	if f := found[0]; strings.Contains(f.Do, "Start Redis") || f.Command != "ingestctl doctor --role operator" || !strings.Contains(f.Text, "lacks") {
		t.Errorf("%+v", f)
	}
}
