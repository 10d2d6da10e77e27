package main_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// newClusterRig is a stream of six partitions on three masters: s:1 and s:5, s:0 and s:4,
// s:2 and s:3. Each has an open ledger, a live worker, one settled and two undelivered entries.
// It returns the ID of the last entry of each partition.
func newClusterRig(t *testing.T) (*rig, *env.RedisCluster, []string) {
	t.Helper()
	cluster := env.Cluster(t, 3, false)
	opts, err := redisconn.Parse(cluster.URL(), "")
	must(t, err)
	client := redisconn.New(opts, 8)
	t.Cleanup(func() { _ = client.Close() })
	r := &rig{t: t, keys: record.PartitionKeys("s", 6), env: []string{
		"REDIS_URL=" + cluster.URL(), "STREAM_KEY=s", "STREAM_GROUP=g", "QUEUE_MODE=stream", "STREAM_PARTITIONS=6", "STREAM_CLAIM_IDLE_MS=3600000",
	}}
	r.withMongo()
	var last []string
	for _, key := range r.keys {
		q, err := streams.NewStream(streams.StreamOptions{
			Client: client, Key: key, Group: "g", Consumer: "c", PollTimeout: 100 * time.Millisecond, ClaimIdle: time.Hour,
			Retention: time.Hour, DeadLetters: streams.DeadLetterOptions{On: true, Worker: "c"}, Log: slog.New(slog.DiscardHandler),
		})
		must(t, err)
		must(t, q.Open(t.Context()))
		var id string
		for n := range 3 {
			id, err = client.XAdd(t.Context(), &redis.XAddArgs{Stream: key, Values: []any{"data", person("42", n)}}).Result()
			must(t, err)
		}
		last = append(last, id)
		_, err = q.Settle(t.Context(), streamstest.All(record.Ingested, streamstest.Receive(t, q, 1)))
		must(t, err)
	}
	return r, cluster, last
}

// squeezed is a text with single spaces.
func squeezed(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestAHealthyCluster(t *testing.T) {
	r, cluster, last := newClusterRig(t)
	got := r.status(0)
	if !got.InOrder || *got.Total.Added != 18 || *got.Total.Undelivered != 12 || *got.Total.Settled != 6 || len(got.Redis.Nodes) != 3 {
		t.Errorf("%+v", got)
	}
	text := squeezed(r.run(0, "status"))
	for _, m := range cluster.Masters {
		wantWords(t, text, "redis up "+m.Addr)
	}
	wantWords(t, squeezed(r.run(0, "trace", last[2])), "Entry "+last[2]+" of s:2: UNDELIVERED")
	if out := r.run(0, "trace", "--customer", "42"); strings.Contains(out, "could not be read") || strings.Count(out, "undelivered") != 12 {
		t.Error(out)
	}
	out := r.run(0, "doctor")
	wantWords(t, squeezed(out), "Redis Cluster 3 of 3 ok", "Permissions 1 of 1 ok")
}

// What is on the other masters is told with its numbers, what is on the dead one is unknown,
// and so is every sum. Which master it is stands in the last line.
func TestAClusterWithADeadMaster(t *testing.T) {
	r, cluster, last := newClusterRig(t)
	top := r.top()
	top.Await(shown, "balanced")
	dead, living := cluster.Masters[2], cluster.Masters[:2]
	cover := func(all string) {
		for _, m := range living {
			must(t, m.Client(t).ConfigSet(t.Context(), "cluster-require-full-coverage", all).Err())
		}
	}
	cover("yes") // the default of Redis
	dead.Kill()
	awaitCluster(t, living, "cluster_state:fail")
	t.Run("that then refuses everything", func(t *testing.T) {
		got := r.status(1)
		if got.Total != nil || got.Findings[0].Code != "redis_master_down" || got.Findings[0].Subject != dead.Addr {
			t.Errorf("%+v", got)
		}
	})
	cover("no")
	awaitCluster(t, living, "cluster_state:ok")

	t.Run("status", func(t *testing.T) { r.wantDeadMaster(t, dead.Addr) })
	t.Run("top", func(t *testing.T) {
		top.Await(shown, "added", "unknown", "To do: Start the Redis master "+dead.Addr)
		top.Type("5")
		top.Await(shown, "s:0        ok                 2", "s:2        down")
		top.Type("q")
		top.ended(0)
	})
	t.Run("doctor", func(t *testing.T) {
		text := squeezed(r.run(1, "doctor"))
		wantWords(t, text, "ERROR cluster-masters the master "+dead.Addr+" does not answer", "could not check: connection refused by "+dead.Addr)
		wantWords(t, text, "ERROR cluster-slots")
	})
	t.Run("trace", func(t *testing.T) { r.wantTraceWithout(t, dead.Addr, last) })
	t.Run("limits", func(t *testing.T) {
		there, gone := customersOn(r.keys, "s:0"), customersOn(r.keys, "s:2")
		wantWords(t, r.run(0, "limits", "get", there), there+": 5/60")
		_, note := r.result(1, "limits", "get", gone)
		wantWords(t, note, dead.Addr)
	})
	t.Run("that is back", func(t *testing.T) {
		dead.Start()
		awaitCluster(t, cluster.Masters, "cluster_slots_ok:16384")
		awaitCluster(t, cluster.Masters, "cluster_state:ok")
		if got := r.status(0); !got.InOrder || *got.Total.Undelivered != 12 {
			t.Errorf("%+v", got)
		}
	})
}

// awaitCluster waits until the masters say something of the Cluster.
func awaitCluster(t *testing.T, masters []*env.RedisServer, word string) {
	t.Helper()
	for _, m := range masters {
		client := m.Client(t)
		env.Eventually(t, soon, func() (bool, string) {
			info := client.ClusterInfo(t.Context()).Val()
			return strings.Contains(info, word), info
		})
	}
}

func (r *rig) wantDeadMaster(t *testing.T, addr string) {
	t.Helper()
	got := r.status(1)
	if got.Total != nil || got.Redis.Error != nil || len(got.Redis.Nodes) != 3 || fmt.Sprint(got.codes()) != "[redis_master_down unreadable]" {
		t.Errorf("%+v", got)
	}
	if f := got.Findings[0]; f.Subject != addr || got.ToDo.Text != "Start the Redis master "+addr {
		t.Errorf("%+v, %+v", f, got.ToDo)
	}
	for _, p := range got.Partitions {
		gone := p.Key == "s:2" || p.Key == "s:3"
		if gone != (p.Error != nil) || gone != (p.Undelivered == nil) || !gone && *p.Undelivered != 2 {
			t.Errorf("%+v", p)
		}
	}
	out := r.run(1, "status")
	wantWords(t, squeezed(out), "added unknown", "settled unknown", "ingested unknown", "s:0 ok 2", "s:5 ok 2", "s:2 down -", "s:3 down -",
		"redis down "+addr, addr+": this Redis master does not answer: connection refused", "s:2: cannot be read", "(and 1 more likewise)")
	if last := lastLine(out); last != "To do: Start the Redis master "+addr+": ingestctl doctor" {
		t.Error(last)
	}
	wantNarrow(t, out)
}

func (r *rig) wantTraceWithout(t *testing.T, addr string, last []string) {
	t.Helper()
	lost := "s:2, s:3 could not be read: connection refused by " + addr
	out := r.run(0, "trace", last[0])
	wantWords(t, squeezed(out), "Entry "+last[0]+" of s:0: UNDELIVERED", "s:2 could not be read: connection refused by "+addr, "s:3 could not be read")
	_, note := r.result(1, "trace", last[2])
	wantWords(t, note, "not all is known, since "+lost)
	_, note = r.result(1, "trace", "2:"+last[2])
	wantWords(t, note, "connection refused by "+addr)
	wantWords(t, r.run(0, "trace", "0:"+last[0]), "UNDELIVERED")

	customer := &traceRig{rig: r}
	got, text := customer.trace(1, "--customer", "42")
	if len(got.Records) != 12 || len(got.Unread) != 2 {
		t.Errorf("%d records, %+v", len(got.Records), got.Unread)
	}
	wantWords(t, text, "could not be read: connection refused by "+addr, "not all is known")
	for _, l := range got.Looked {
		if strings.Contains(l.Place, "s:2") || strings.Contains(l.Place, "s:3") {
			t.Errorf("it looked at %+v", l)
		}
	}
}

// customersOn is a customer whose own partition is the given one.
func customersOn(keys []string, key string) string {
	for n := 0; ; n++ {
		if customer := fmt.Sprint(n); keys[record.HomePartition(customer, len(keys))] == key {
			return customer
		}
	}
}
