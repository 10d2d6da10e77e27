package doctor_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/internal/inspect/doctor"
	"ingestion/internal/test/env"
)

// pretends forwards to a Redis of a version, which it replaces by another one.
func pretends(t *testing.T, addr, is, version string) (through string) {
	t.Helper()
	at := strings.LastIndexByte(version, '.') + 1
	version = version[:at] + strings.Repeat("0", len(is)-len(version)) + version[at:] // of as many characters
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				_ = client.Close()
				return
			}
			go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
			go func() { relabel(client, server, is, version); _ = client.Close() }()
		}
	}()
	return listener.Addr().String()
}

// relabel copies what comes in; a reply to INFO comes in one piece.
func relabel(to io.Writer, from io.Reader, is, version string) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if _, err := to.Write(bytes.ReplaceAll(buffer[:n], []byte("redis_version:"+is), []byte("redis_version:"+version))); err != nil {
			return
		}
	}
}

func TestAnOldRedisIsFound(t *testing.T) {
	shared := newRig(t)
	is := shared.client.InfoMap(t.Context(), "server").Item("Server", "redis_version")
	for version, severity := range map[string]doctor.Severity{"6.2.1": fails, "7.0.4": warns, "7.0.5": "", "10.0": ""} {
		r := shared.sound(t)
		r.vars["REDIS_URL"] = "redis://" + pretends(t, r.server.Addr, is, version)
		r.want("redis-version", severity)
	}
}

func TestAFailedSnapshotIsFound(t *testing.T) {
	r := newRig(t).sound(t)
	dir := r.client.ConfigGet(t.Context(), "dir").Val()["dir"]
	must(t, os.RemoveAll(dir)) // root may write into any that is there
	_ = r.client.BgSave(t.Context()).Err()
	env.Eventually(t, soon, func() (bool, string) {
		status := r.client.InfoMap(t.Context(), "persistence").Item("Persistence", "rdb_last_bgsave_status")
		return status == "err", "the snapshot is " + status
	})
	r.want("redis-saves", fails, "the last snapshot failed")
}

func TestAWrongClockIsFound(t *testing.T) {
	r := newRig(t).sound(t)
	r.opts.Now = func() time.Time { return time.Now().Add(time.Hour) }
	r.also = "mongo-clock"
	r.want("redis-clock", warns, "the clock of Redis is 1h0m0s behind this host's")
	r.also = "redis-clock"
	r.want("mongo-clock", warns, "the clock of MongoDB is 1h0m0s behind this host's")
}

func TestReplicasAreExamined(t *testing.T) {
	r := newRig(t).sound(t)
	second := env.Redis(t, env.WithConfig("repl-diskless-sync-delay", "0"))
	replica := second.Client(t)
	host, port, _ := net.SplitHostPort(r.server.Addr)
	must(t, replica.Do(t.Context(), "replicaof", host, port).Err())
	env.Eventually(t, soon, func() (bool, string) {
		state := r.client.InfoMap(t.Context(), "replication").Item("Replication", "slave0")
		return strings.Contains(state, "state=online"), state
	})
	r.want("redis-replicas", warns, "min-replicas-to-write is 0")
	r.configure("min-replicas-to-write", "1")
	r.vars["PRODUCER_WAIT_REPLICAS"] = "1"
	r.want("redis-replicas", "")

	primary := r.vars["REDIS_URL"]
	r.vars["REDIS_URL"] = second.URL()
	r.want("redis-role", fails, "is a replica of "+r.server.Addr)
	r.vars["REDIS_URL"] = primary

	second.Hang()
	env.Eventually(t, soon, func() (bool, string) {
		state := r.client.InfoMap(t.Context(), "replication").Item("Replication", "slave0")
		return !strings.HasSuffix(state, "lag=0") && lagOf(state) > 10, state
	})
	r.want("redis-replicas", fails, "was last heard of", "min-replicas-to-write is 1", "PRODUCER_WAIT_REPLICAS is 1")
}

func lagOf(state string) (n int) {
	_, text, _ := strings.Cut(state, "lag=")
	_, _ = fmt.Sscan(text, &n)
	return n
}

func TestAClusterIsExamined(t *testing.T) {
	shared := newRig(t)
	cluster := env.Cluster(t, 3, false)
	for _, m := range cluster.Masters {
		must(t, m.Client(t).ConfigSet(t.Context(), "appendfsync", "everysec").Err())
	}
	on := func(key string) *rig {
		r := shared.sound(t)
		r.vars["REDIS_URL"], r.vars["STREAM_KEY"], r.vars["STREAM_PARTITIONS"] = cluster.URL(), key, "6"
		return r
	}
	r := on("s")
	r.vars["STREAM_PARTITIONS"] = "1"
	r.want("cluster-slots", "")

	r.vars["REDIS_URL"] = "redis://" + cluster.Masters[0].Addr
	r.want("redis-reachable", fails, "is a node of a Cluster")

	first := cluster.Masters[0].Client(t)
	must(t, first.Do(t.Context(), "cluster", "delslots", 0).Err())
	on("s").want("cluster-slots", fails, "only 16383 of 16384")
	must(t, first.Do(t.Context(), "cluster", "addslots", 0).Err())

	crowd(t, cluster)
	on("s").want("cluster-spread", warns, "has 6 of 6 partitions, and there are 3 masters")

	addr := cluster.Masters[2].Addr
	cluster.Masters[2].Kill()
	r = on("s")
	seen := map[string]string{}
	for _, result := range r.run() {
		for _, f := range result.Findings {
			seen[result.Name] += string(f.Severity) + " " + f.What + "\n"
		}
	}
	if !strings.Contains(seen["cluster-masters"], "error the master "+addr+" does not answer: connection refused") {
		t.Errorf("cluster-masters: %q", seen)
	}
}

// crowd moves almost all hash slots to the first master.
func crowd(t *testing.T, cluster *env.RedisCluster) {
	t.Helper()
	const spared = 100
	second, third := 16384/3, 2*16384/3
	first := cluster.Masters[0].Client(t)
	must(t, first.Do(t.Context(), "cluster", "bumpepoch").Err())
	target := first.ClusterMyID(t.Context()).Val()
	for _, m := range cluster.Masters {
		_, err := m.Client(t).Pipelined(t.Context(), func(p redis.Pipeliner) error {
			for slot := second + spared; slot < 16384; slot++ {
				if slot < third || slot >= third+spared {
					p.Do(t.Context(), "cluster", "setslot", slot, "node", target)
				}
			}
			return nil
		})
		must(t, err)
	}
	cluster.AwaitAgreement()
}

// TestAFerretDBIsExamined plants what it has in common with MongoDB.
func TestAFerretDBIsExamined(t *testing.T) {
	r := newRig(t).sound(t)
	server := env.Mongo(t)
	db := server.Database(t)
	r.vars["MONGO_URI"], r.vars["MONGO_DB"] = server.URI(), db.Name()
	r.want("mongo-replica-set", warns, "FerretDB")
	r.also = "mongo-replica-set"
	must(t, db.CreateCollection(t.Context(), "capped", options.CreateCollection().SetCapped(true).SetSizeInBytes(1<<20)))
	r.vars["MONGO_COLLECTION"] = "capped"
	r.want("mongo-collection", fails, "is a capped collection")
	r.vars["MONGO_COLLECTION"] = "indexed"
	_, err := db.Collection("indexed").Indexes().CreateOne(t.Context(), mongo.IndexModel{Keys: bson.D{{Key: "email", Value: 1}}, Options: options.Index().SetUnique(true)})
	must(t, err)
	r.want("mongo-indexes", fails, "is unique (email)")
}

// TestAStoppedRunEnds makes no further check once the context has ended.
func TestAStoppedRunEnds(t *testing.T) {
	r := newRig(t).sound(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := 0
	r.opts.Done = func(doctor.Result) {
		if done++; done == 3 {
			cancel()
		}
	}
	if got := len(doctor.Run(ctx, r.options())); got != 3 {
		t.Errorf("%d checks after the end", got-3)
	}
}
