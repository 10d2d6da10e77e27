package topology_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ingestion/internal/test/env"
)

// passwords are those of Redis, of its user for the service, and of the Sentinels.
var passwords = env.SentinelOptions{Password: "redis-word", User: "ingest", UserWord: "ingest-word", Sentinel: "ops", OpWord: "ops-word"}

// TestSentinelsPromoteAReplicaUnderLoad has both replicas confirm what counts as queued.
// Four of the eight combinations hold each pair of circumstances.
func TestSentinelsPromoteAReplicaUnderLoad(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode    string
		kill    bool
		options env.SentinelOptions
	}{
		"stream, by command":                  {mode: "stream"},
		"stream, by a kill, with passwords":   {mode: "stream", kill: true, options: passwords},
		"list, by a kill":                     {mode: "list", kill: true},
		"list, by command and with passwords": {mode: "list", options: passwords},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time Sentinels wait for each other
			g := env.Sentinels(t, c.options)
			r := newRig(t, g.URL(), c.mode, append(logins(t, c.options), "PRODUCER_WAIT_REPLICAS=2")...)
			workers := r.workers(2)
			records := people(size(t))
			producer := r.load(records)
			awaitQueued(t, producer, len(records)/4)

			old := g.Master()
			begun := time.Now()
			if c.kill {
				old.Kill()
			} else {
				g.Failover()
			}
			g.AwaitMaster(old)
			promoted := time.Since(begun)
			if c.kill {
				old.Start() // the producer wants two replicas
			}
			wantExit(t, producer, 0)
			r.wantAll(g, c.mode, records, workers)
			t.Logf("%d records; promoted after %v; the producer waited %d times, the workers %d times", len(records),
				promoted.Round(time.Millisecond), logged("retrying", producer), logged("retrying", workers...))
		})
	}
}

// logins are the settings for programs that log in.
func logins(t *testing.T, o env.SentinelOptions) []string {
	t.Helper()
	if o.Password == "" {
		return nil
	}
	file := func(password string) string {
		name := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(name, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	return []string{"REDIS_PASSWORD_FILE=" + file(o.UserWord), "REDIS_SENTINEL_USERNAME=" + o.Sentinel, "REDIS_SENTINEL_PASSWORD_FILE=" + file(o.OpWord)}
}

// wantExplained checks the verdict. A failover may lose an entry that a worker has read and the producer was
// not told of, which then sends the record again: its document is there, and the record a duplicate.
func (a account) wantExplained(t *testing.T) {
	t.Helper()
	twice := a.Documents.Count - a.Documents.AtMost
	switch {
	case a.code == 0:
	case a.code == 1 && twice > 0 && twice <= a.Total.Outcomes["duplicate"]:
	case a.code == 3 && len(a.Losses) > 0:
	default:
		t.Errorf("reconcile ends with %d and does not say why:\n%s", a.code, a.text)
	}
}

// wantAll waits until the queue is empty, and stops the workers. A stream has lost nothing.
// A list may have lost what was on its way to them when their connections broke.
func (r *rig) wantAll(g *env.SentinelGroup, mode string, records []person, workers []*env.Proc) {
	r.t.Helper()
	if mode == "stream" {
		a := r.reconcile("--documents")
		a.wantExplained(r.t)
		r.stop(workers...)
		lost := r.compare(records)
		r.t.Logf("epoch %d, %d entries added, %d ingested, %d duplicates, %d lost", a.Total.Epoch, a.Total.Added, a.Total.Outcomes["ingested"], a.Total.Outcomes["duplicate"], lost)
		if lost > 0 {
			r.t.Errorf("%d records that count as queued are lost", lost)
		}
		return
	}
	master := g.Master().Client(r.t)
	env.Eventually(r.t, late, func() (bool, string) {
		left, err := master.LLen(r.t.Context(), queueKey).Result()
		return err == nil && left == 0, fmt.Sprint(left, " records are left, ", err)
	})
	r.stop(workers...)
	const most = 2 * batchSize
	lost := r.compare(records)
	r.t.Logf("%d of at most %d popped records lost; %d duplicates of records sent or popped twice", lost, most, logged("duplicate", workers...))
	if left := master.LLen(r.t.Context(), queueKey).Val(); left > 0 || lost > most {
		r.t.Errorf("%d records are lost, %d are left", lost, left)
	}
}
