package topology_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
)

// passwords are those of Redis, of its user for the service, and of the Sentinels.
var passwords = env.SentinelOptions{Password: "redis-word", User: "ingest", UserWord: "ingest-word", Sentinel: "ops", OpWord: "ops-word"}

// TestSentinelsPromoteAReplicaUnderLoad has both replicas confirm what counts as queued. A
// stream and a list are under load at the same time, while the master is killed, and again
// while the Sentinels are told to promote a replica. A kill comes first: after any failover
// Sentinels let twice their failover-timeout pass before they begin one by themselves.
func TestSentinelsPromoteAReplicaUnderLoad(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]env.SentinelOptions{"without passwords": {}, "with passwords": passwords} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time Sentinels wait for each other
			g := env.Sentinels(t, options)
			for _, how := range []string{"by a kill", "by command"} {
				t.Run(how, func(t *testing.T) {
					stream, list := newService(t, g, "stream", how), newService(t, g, "list", how)
					stream.begin()
					list.begin()
					promoted := failOver(t, g, how)
					stream.end(g, promoted)
					list.end(g, promoted)
				})
				g.AwaitReplicas(2)
			}
		})
	}
}

// failOver has the Sentinels promote a replica, and returns how long it took.
func failOver(t *testing.T, g *env.SentinelGroup, how string) time.Duration {
	t.Helper()
	old := g.Master()
	begun := time.Now()
	if how == "by command" {
		g.Failover()
		g.AwaitMaster(old)
		return time.Since(begun)
	}
	old.Kill()
	g.AwaitMaster(old)
	promoted := time.Since(begun)
	old.Start() // the producers want two replicas
	return promoted
}

// service is a queue with its producer and its workers.
type service struct {
	*rig
	mode, queue string
	records     []person
	producer    *env.Proc
	workers     []*env.Proc
}

// newService has keys of its own, so that a group of servers serves several.
func newService(t *testing.T, g *env.SentinelGroup, mode, name string) *service {
	t.Helper()
	key := "t:" + strings.ReplaceAll(name, " ", "-")
	settings := append(logins(t, g.Options), "PRODUCER_WAIT_REPLICAS=2", "STREAM_KEY="+key+":stream", "QUEUE_KEY="+key+":list")
	return &service{rig: newRig(t, g.URL(), mode, settings...), mode: mode, queue: key + ":list", records: people(size(t))}
}

// begin starts all programs, and waits until a part of the records is queued.
func (s *service) begin() {
	s.t.Helper()
	s.workers = s.rig.workers(2)
	s.producer = s.load(s.records)
	awaitQueued(s.t, s.producer, len(s.records)/4)
}

// end waits until all records are processed, and compares them with the documents.
func (s *service) end(g *env.SentinelGroup, promoted time.Duration) {
	s.t.Helper()
	wantExit(s.t, s.producer, 0)
	if s.mode == "stream" {
		s.wantAllOfStream()
	} else {
		s.wantAllOfList(g)
	}
	s.t.Logf("%s: %d records; promoted after %v; the producer waited %d times, the workers %d times", s.mode, len(s.records),
		promoted.Round(time.Millisecond), logged("retrying", s.producer), logged("retrying", s.workers...))
	if logged("retrying", s.producer) == 0 {
		s.t.Errorf("the producer of the %s has noticed no failover: its load was over", s.mode)
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

// wantAllOfStream waits until the stream is settled, and stops the workers. It has lost nothing.
func (s *service) wantAllOfStream() {
	s.t.Helper()
	a := s.reconcile("--documents")
	a.wantExplained(s.t)
	s.stop(s.workers...)
	lost := s.compare(s.records)
	s.t.Logf("epoch %d, %d entries added, %d ingested, %d duplicates, %d lost", a.Total.Epoch, a.Total.Added, a.Total.Outcomes["ingested"], a.Total.Outcomes["duplicate"], lost)
	if lost > 0 {
		s.t.Errorf("%d records that count as queued are lost", lost)
	}
}

// wantAllOfList waits until the list is empty, and stops the workers. It may have lost what
// was on its way to them when their connections broke.
func (s *service) wantAllOfList(g *env.SentinelGroup) {
	s.t.Helper()
	master := g.Master().Client(s.t)
	env.Eventually(s.t, late, func() (bool, string) {
		left, err := master.LLen(s.t.Context(), s.queue).Result()
		return err == nil && left == 0, fmt.Sprint(left, " records are left, ", err)
	})
	s.stop(s.workers...)
	const most = 2 * batchSize
	lost := s.compare(s.records)
	s.t.Logf("%d of at most %d popped records lost; %d duplicates of records sent or popped twice", lost, most, logged("duplicate", s.workers...))
	if left := master.LLen(s.t.Context(), s.queue).Val(); left > 0 || lost > most {
		s.t.Errorf("%d records are lost, %d are left", lost, left)
	}
}
