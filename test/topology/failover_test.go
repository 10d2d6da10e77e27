package topology_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
)

// queuedRecord is what the producer has logged of a record.
type queuedRecord struct{ CustomerID, StreamID string }

// generate has the producer send n records, each of which it logs with its entry.
func (r *rig) generate(n int) *env.Proc {
	r.t.Helper()
	customers := make([]string, 60)
	for i := range customers {
		customers[i] = fmt.Sprintf("customer-%d", i)
	}
	return r.program("producer", "generate", "--seed", "7", "--count", fmt.Sprint(n), "--invalid-rate", "0", "--jitter", "0s",
		"--customers", strings.Join(customers, ","), "--rpm", fmt.Sprint(60*perSecond/len(customers)))
}

func queuedBy(t *testing.T, producer *env.Proc) (list []queuedRecord) {
	t.Helper()
	for _, line := range producer.Lines() {
		var q queuedRecord
		if !event("queued")(line) {
			continue
		}
		if err := json.Unmarshal([]byte(line), &q); err != nil {
			t.Fatal(err)
		}
		list = append(list, q)
	}
	return list
}

// failover is a Cluster that loses a master under load, after its replica has fallen behind.
type failover struct {
	*rig
	cluster  *env.RedisCluster
	producer *env.Proc
	keys     []string
	home     map[string]int // the master of each key at the beginning
}

func newFailover(t *testing.T, environ ...string) *failover {
	t.Helper()
	cluster := env.Cluster(t, 3, true)
	r := newRig(t, cluster.URL(), "stream", append([]string{"STREAM_PARTITIONS=6", "RATE_LIMIT_LIMIT=0"}, environ...)...)
	f := &failover{rig: r, cluster: cluster, keys: record.PartitionKeys(streamKey, partitions), home: map[string]int{}}
	for _, key := range f.keys {
		f.home[key] = int(cluster.Slot(key)) * len(cluster.Masters) / 16384
	}
	return f
}

// busiest returns the number of the master that has most partitions.
func (f *failover) busiest() (most int) {
	f.t.Helper()
	held := map[int]int{}
	for _, key := range f.keys {
		master := f.home[key]
		if held[master]++; held[master] > held[most] {
			most = master
		}
	}
	return most
}

// killLagging cuts the master off from its replica, has the producer go on for a while,
// kills the master, and waits for the replica's promotion. It returns how long that took
// once the replica answered. Until then nobody can be promoted.
func (f *failover) killLagging(master int, behind func(dying *redis.Client)) time.Duration {
	f.t.Helper()
	dying, replica := f.cluster.Masters[master], f.cluster.Replicas[master]
	replica.Hang()
	client := dying.Client(f.t)
	if err := client.Do(f.t.Context(), "CLIENT", "KILL", "TYPE", "replica").Err(); err != nil {
		f.t.Fatal(err)
	}
	behind(client)
	dying.Kill()
	f.wantNoMaster(master)
	begun := time.Now()
	replica.Resume()
	f.cluster.AwaitPromotion(master)
	return time.Since(begun)
}

// added is how many entries the partitions of a server have seen.
func (f *failover) added(client *redis.Client) (n int64) {
	f.t.Helper()
	for _, key := range f.keys {
		if info, err := client.XInfoStream(f.t.Context(), key).Result(); err == nil {
			n += info.EntriesAdded
		}
	}
	return n
}

// result is what became of the records.
type result struct {
	queued, lost []queuedRecord // by the producer's word; of them, those not on the stream
	ingested     int            // lost entries whose records are in MongoDB, since a worker had read them
	unconfirmed  int            // entries of which the producer was not told
	documents    int
	orphans      int // documents whose entries are lost, whatever the producer was told of them
}

// check looks for each entry that was called queued, and compares the document of each
// entry on the stream with it.
func (f *failover) check() (res result) {
	f.t.Helper()
	res.queued = queuedBy(f.t, f.producer)
	there := map[string]person{}
	client := f.client()
	for i, key := range f.keys {
		entries, err := client.XRange(f.t.Context(), key, "-", "+").Result()
		if err != nil {
			f.t.Fatal(err)
		}
		for _, e := range entries {
			made, err := record.Decoder{MaxBytes: 1 << 16}.Decode([]byte(e.Values["data"].(string)))
			if err != nil {
				f.t.Fatal(err)
			}
			there[fmt.Sprint(i, ":", e.ID)] = person{CustomerID: made.CustomerID, Name: made.Name, Email: made.Email, CreatedAt: made.CreatedAt.Truncate(time.Millisecond)}
		}
	}
	documents, byKey := map[string]person{}, map[string]int{}
	for _, d := range f.documents() {
		documents[fmt.Sprint(record.HomePartition(d.CustomerID, partitions), ":", d.StreamID)] = d
		byKey[d.key()]++
	}
	for key, n := range byKey {
		if n > 1 {
			f.t.Errorf("%s has %d documents", key, n)
		}
	}
	res.documents = len(documents)
	for at := range documents {
		if _, onStream := there[at]; !onStream {
			res.orphans++
		}
	}
	confirmed := map[string]bool{}
	for _, q := range res.queued {
		at := fmt.Sprint(record.HomePartition(q.CustomerID, partitions), ":", q.StreamID)
		confirmed[at] = true
		p, onStream := there[at]
		d, stored := documents[at]
		switch {
		case !onStream:
			res.lost = append(res.lost, q)
			if stored {
				res.ingested++
			}
		case byKey[p.key()] == 0:
			f.t.Errorf("%s is on the stream, and has no document", at)
		case stored && !d.is(p):
			f.t.Errorf("the document of %+v is %+v", p, d)
		}
	}
	for at := range there {
		if !confirmed[at] {
			res.unconfirmed++
		}
	}
	return res
}

// evidence writes the producer's log to a file.
func (f *failover) evidence() string {
	f.t.Helper()
	name := filepath.Join(f.t.TempDir(), "queued.log")
	if err := os.WriteFile(name, []byte(strings.Join(f.producer.Lines(), "\n")+"\n"), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return name
}

// awaitSettled waits until the workers have settled all entries.
func (f *failover) awaitSettled() {
	f.t.Helper()
	p := f.program("ingestctl", "reconcile", "--wait", "--timeout", late.String())
	if code := p.Wait(late); code != 0 && code != 3 {
		f.t.Fatalf("exit code %d: %s", code, p.Stderr())
	}
}

// wantLoss checks that reconcile counts the same losses. What the producer was not told of may
// be lost in any case, and workers may have noticed.
func (f *failover) wantLoss(res result) {
	f.t.Helper()
	a := f.reconcile("--documents", "--queued", f.evidence())
	lost := int64(len(res.lost))
	told := slices.ContainsFunc(a.Losses, func(l struct{ Text string }) bool {
		return strings.Contains(l.Text, "that the producer counts as queued")
	})
	if a.code != 0 && a.code != 3 || lost > 0 && a.code != 3 || len(a.Faults) > 0 || told != (lost > 0) {
		f.t.Errorf("exit code %d with %d lost entries:\n%s", a.code, lost, a.text)
	}
	if q := a.Queued; int(q.Count) != len(res.queued) || q.There != q.Count-lost || q.Trimmed != 0 || q.Lost != lost {
		f.t.Errorf("%+v, want %d lost of %d", q, lost, len(res.queued))
	}
	if d := a.Documents; int(d.Count) != res.documents || int(d.Lost) != res.orphans {
		f.t.Errorf("%+v, want %d documents, of which %d are of lost entries", d, res.documents, res.orphans)
	}
}

// TestWhatAFailoverLosesIsCounted kills a master whose replica lags behind.
func TestWhatAFailoverLosesIsCounted(t *testing.T) {
	for name, early := range map[string]bool{"workers read what is lost": true, "no worker has read it": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFailover(t)
			var workers []*env.Proc
			if early {
				workers = f.workers(2)
			}
			n := size(t)
			f.producer = f.generate(n)
			awaitQueued(t, f.producer, n/4)
			took := f.killLagging(f.busiest(), func(dying *redis.Client) {
				before := f.added(dying)
				env.Eventually(t, soon, func() (bool, string) {
					now := f.added(dying)
					return now >= before+100, fmt.Sprint(now-before, " more entries")
				})
			})
			wantExit(t, f.producer, 0)
			if !early {
				workers = f.workers(2)
			}
			code := 0
			if early {
				code = 3 // the workers have noticed
			}
			f.ctl(code, "reconcile", "--wait", "--timeout", late.String())
			res := f.check()
			f.wantLoss(res)
			t.Logf("%d records queued, %d lost by Redis, of which %d are in MongoDB; %d documents of %d are of lost entries; %d entries sent again; the replica was promoted after %v; the producer waited %d times, the workers %d times",
				len(res.queued), len(res.lost), res.ingested, res.orphans, res.documents, res.unconfirmed, took.Round(time.Millisecond), logged("retrying", f.producer), logged("retrying", workers...))
			if len(res.lost) < 50 || early != (res.ingested > 0) {
				t.Errorf("%d lost, %d of them ingested: the replica did not lag", len(res.lost), res.ingested)
			}
			f.wantServers(f.busiest())
			f.stop(workers...)
		})
	}
}

// TestConfirmedRecordsSurviveAFailover is the same with a producer that waits for the replica.
func TestConfirmedRecordsSurviveAFailover(t *testing.T) {
	t.Parallel()
	f := newFailover(t, "PRODUCER_WAIT_REPLICAS=1")
	workers := f.workers(2)
	n := size(t)
	f.producer = f.generate(n)
	awaitQueued(t, f.producer, n/4)
	busy := f.busiest()
	took := f.killLagging(busy, func(*redis.Client) {
		f.producer.WaitForLine(soon, func(line string) bool { return strings.Contains(line, "only 0 of 1 replica") })
	})
	f.cluster.Masters[busy].Start() // the new master wants a replica
	wantExit(t, f.producer, 0)
	f.awaitSettled()
	res := f.check()
	f.wantLoss(res)
	t.Logf("%d records queued, %d lost; %d documents of %d are of lost entries; %d entries sent again; promoted after %v; the producer waited %d times, the workers %d times",
		len(res.queued), len(res.lost), res.orphans, res.documents, res.unconfirmed, took.Round(time.Millisecond), logged("retrying", f.producer), logged("retrying", workers...))
	if len(res.lost) > 0 {
		t.Errorf("%d records that count as queued are lost", len(res.lost))
	}
	f.stop(workers...)
}

// overview is what "status --json" prints.
type overview struct {
	Findings   []struct{ Code, Subject string }
	Partitions []struct {
		Key, Error  string
		Undelivered *int64
	}
	Redis struct{ Nodes []any }
}

func (f *failover) status(code int) (got overview) {
	f.t.Helper()
	if out := f.ctl(code, "status", "--json"); json.Unmarshal([]byte(out), &got) != nil {
		f.t.Fatalf("status prints %s", out)
	}
	if len(got.Partitions) != partitions || len(got.Redis.Nodes) != len(f.cluster.Masters) {
		f.t.Errorf("status shows other partitions or masters: %+v", got)
	}
	return got
}

// wantNoMaster checks what status and doctor say while some partitions have no master: which
// one is dead, and nothing of what only it knows.
func (f *failover) wantNoMaster(dead int) {
	f.t.Helper()
	addr := f.cluster.Masters[dead].Addr
	got := f.status(1)
	if !slices.ContainsFunc(got.Findings, func(g struct{ Code, Subject string }) bool { return g.Code == "redis_master_down" && g.Subject == addr }) {
		f.t.Errorf("no finding about %s: %+v", addr, got.Findings)
	}
	for _, p := range got.Partitions {
		gone := f.home[p.Key] == dead
		if gone != (p.Error != "") || gone != (p.Undelivered == nil) {
			f.t.Errorf("gone is %v of %+v", gone, p)
		}
	}
	out := f.ctl(1, "doctor")
	if text := strings.Join(strings.Fields(out), " "); !strings.Contains(text, "ERROR cluster-masters the master "+addr+" does not answer") {
		f.t.Errorf("doctor does not name %s:\n%s", addr, out)
	}
}

// wantServers checks what status and doctor say about the masters after a failover.
func (f *failover) wantServers(dead int) {
	f.t.Helper()
	for _, p := range f.status(0).Partitions {
		if p.Error != "" || p.Undelivered == nil {
			f.t.Errorf("not read: %+v", p)
		}
	}
	out := f.ctl(0, "status")
	for i, m := range f.cluster.Masters {
		addr := m.Addr
		if i == dead {
			addr = f.cluster.Replicas[i].Addr
		}
		if !strings.Contains(strings.Join(strings.Fields(out), " "), "redis up "+addr) {
			f.t.Errorf("%s is not shown as up:\n%s", addr, out)
		}
	}
	out = f.ctl(0, "doctor")
	if strings.Contains(out, "cluster-") {
		f.t.Errorf("a finding about the Cluster:\n%s", out)
	}
}
