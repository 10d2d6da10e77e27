package deploy_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/internal/test/env"
)

// pods are workers of a set of the chart's values, one after the other, on servers of
// their own.
type pods struct {
	t      *testing.T
	worker manifest
	redis  *redis.Client
	mongo  *env.MongoServer
	server *env.RedisServer
	sent   int // records, each of another customer
}

func newPods(t *testing.T, set string) *pods {
	t.Helper()
	server := env.Redis(t)
	return &pods{t: t, worker: find(t, set, "Deployment", "-worker"), redis: server.Client(t), server: server, mongo: env.MongoProcess(t)}
}

// start starts a worker with the settings of its container, and the probes.
func (p *pods) start() (*env.Proc, *kubelet) {
	p.t.Helper()
	c := p.worker.container()
	addr := freeAddress(p.t)
	worker := env.Process(p.t, env.Build(p.t, "ingestion/cmd/"+c.Command[0]), nil, c.environ(p.t, map[string]string{
		"REDIS_URL": p.server.URL(), "MONGO_URI": p.mongo.URI(), "ADMIN_ADDR": addr,
	}))
	return worker, watch(p.t, c, addr)
}

// send queues n more records.
func (p *pods) send(n int) {
	p.t.Helper()
	_, err := p.redis.Pipelined(p.t.Context(), func(pipe redis.Pipeliner) error {
		for range n {
			p.sent++
			pipe.XAdd(p.t.Context(), &redis.XAddArgs{Stream: "ingest:stream", Values: []any{"data", fmt.Sprintf(
				`{"customerId":"%d","name":"Ada","email":"ada@lovelace.org","createdAt":"2026-01-31T12:00:00Z"}`, p.sent)}})
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *pods) stored() int {
	p.t.Helper()
	n, err := p.mongo.Database(p.t).Client().Database("ingestion").Collection("customers").CountDocuments(p.t.Context(), bson.D{})
	if err != nil {
		p.t.Fatal(err)
	}
	return int(n)
}

func (p *pods) pending() int {
	p.t.Helper()
	reply, err := p.redis.XPending(p.t.Context(), "ingest:stream", "ingest-workers").Result()
	if err != nil {
		p.t.Fatal(err)
	}
	return int(reply.Count)
}

// terminate ends a worker as Kubernetes does, and returns how long that took: SIGTERM, and
// SIGKILL after the grace period, which must not be necessary.
func (p *pods) terminate(worker *env.Proc, k *kubelet) time.Duration {
	p.t.Helper()
	k.wantAlive()
	begin := time.Now()
	worker.Signal(syscall.SIGTERM)
	code := worker.Wait(p.worker.grace())
	took := time.Since(begin)
	if code != 0 {
		p.t.Errorf("exit code %d: %s", code, worker.Stderr())
	}
	k.stop()
	return took
}

// wantNothingLost lets another worker finish, and checks that each record is stored once
// and each entry accounted for.
func (p *pods) wantNothingLost() {
	p.t.Helper()
	worker, k := p.start()
	env.Eventually(p.t, 5*time.Minute, func() (bool, string) {
		ingested, _ := p.redis.HGet(p.t.Context(), "{ingest:stream}:ledger", "ingested").Int()
		return ingested == p.sent, fmt.Sprintf("%d of %d records ingested", ingested, p.sent)
	})
	p.terminate(worker, k)
	if n := p.stored(); n != p.sent {
		p.t.Errorf("%d documents of %d records", n, p.sent)
	}
	if n := p.pending(); n != 0 {
		p.t.Errorf("%d entries are pending", n)
	}
	reconcile := env.Process(p.t, env.Build(p.t, "ingestion/cmd/ingestctl"), []string{"reconcile"}, []string{
		"QUEUE_MODE=stream", "REDIS_URL=" + p.server.URL(), "MONGO_URI=" + p.mongo.URI(),
	})
	if code := reconcile.Wait(soon); code != 0 {
		p.t.Errorf("ingestctl reconcile: exit code %d\n%s\n%s", code, strings.Join(reconcile.Lines(), "\n"), reconcile.Stderr())
	}
}

// A pod's life as the chart has it: it waits for MongoDB, works, outlives an outage, and
// ends under load. Kubernetes never has a reason to restart it.
func TestAPodOfTheChart(t *testing.T) {
	p := newPods(t, "minimal")
	p.mongo.Stop()
	worker, k := p.start()
	k.awaitReady(false)
	p.mongo.Start()
	k.awaitReady(true)
	p.send(1000)
	env.Eventually(t, soon, func() (bool, string) { n := p.stored(); return n > 0, "nothing is stored" })
	p.mongo.Stop()
	k.awaitReady(false)
	p.mongo.Start()
	k.awaitReady(true)
	p.send(4000)
	env.Eventually(t, soon, func() (bool, string) { n := p.pending(); return n > 0, "the worker holds nothing" })
	took := p.terminate(worker, k)
	t.Logf("ended %v after SIGTERM, of %v; %d of %d records were stored", took.Round(time.Millisecond), p.worker.grace(), p.stored(), p.sent)
	p.wantNothingLost()
}

// A worker that can't finish what it holds, since MongoDB is away, hands it back within
// the grace period.
func TestAPodThatCannotFinish(t *testing.T) {
	p := newPods(t, "brief")
	worker, k := p.start()
	k.awaitReady(true)
	p.mongo.Stop()
	env.Eventually(t, soon, func() (bool, string) {
		p.send(10)
		n := p.pending()
		return n > 0, "the worker holds nothing"
	})
	k.awaitReady(false)
	took := p.terminate(worker, k)
	t.Logf("ended %v after SIGTERM, of %v", took.Round(time.Millisecond), p.worker.grace())
	if held := p.pending(); held == 0 {
		t.Error("nothing was handed back")
	}
	p.mongo.Start()
	p.wantNothingLost()
}
