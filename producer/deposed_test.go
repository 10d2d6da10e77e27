package producer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
	"ingestion/producer"
)

// replicated is a master and two replicas, of which the first is promoted.
type replicated struct {
	t                     *testing.T
	master, first, second *env.RedisServer
	name                  atomic.Pointer[string] // the address that the master's name has in the network
}

func newReplicated(t *testing.T) *replicated {
	t.Helper()
	r := &replicated{t: t, master: env.Redis(t, env.WithConfig("repl-diskless-sync-delay", "0"))}
	of := env.WithConfig("replicaof", spaced(r.master.Addr), "appendonly", "no", "repl-diskless-sync-delay", "0")
	r.first, r.second = env.Redis(t, of, env.WithConfig("replica-priority", "10")), env.Redis(t, of)
	r.name.Store(&r.master.Addr)
	r.awaitStreaming()
	return r
}

// awaitStreaming waits until both replicas confirm a write. A master calls them
// online somewhat earlier.
func (r *replicated) awaitStreaming() {
	r.t.Helper()
	conn := r.master.Client(r.t).Conn()
	defer conn.Close()
	env.Eventually(r.t, timeout, func() (bool, string) {
		must(r.t, conn.Set(r.t.Context(), "probe", "x", 0).Err())
		n, err := conn.Wait(r.t.Context(), 2, time.Second).Result()
		return n == 2, fmt.Sprintf("%d of 2 replicas confirm, %v", n, err)
	})
}

func spaced(addr string) string { return strings.Replace(addr, ":", " ", 1) }

func (r *replicated) awaitReplicas(n int) {
	r.t.Helper()
	client := r.master.Client(r.t)
	env.Eventually(r.t, timeout, func() (bool, string) {
		info := client.Info(r.t.Context(), "replication").Val()
		return strings.Count(info, "state=online") == n, info
	})
}

// client connects to what the name stands for at the time.
func (r *replicated) client() redis.UniversalClient {
	r.t.Helper()
	opts, err := redisconn.Parse(r.master.URL(), "")
	must(r.t, err)
	opts.Dialer = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, *r.name.Load())
	}
	client := redisconn.New(opts, 2)
	r.t.Cleanup(func() { _ = client.Close() })
	return client
}

func (r *replicated) replicate(server *env.RedisServer, args ...any) {
	must(r.t, server.Client(r.t).Do(context.Background(), append([]any{"REPLICAOF"}, args...)...).Err())
}

// follow has the second replica follow the first, and the name too.
func (r *replicated) follow() {
	host, port, _ := net.SplitHostPort(r.first.Addr)
	r.replicate(r.second, host, port)
	r.name.Store(&r.first.Addr)
}

// wantAll fails if the first replica lacks a body.
func (r *replicated) wantAll(bodies [][]byte) {
	r.t.Helper()
	entries, err := r.first.Client(r.t).XRange(r.t.Context(), "s", "-", "+").Result()
	must(r.t, err)
	there := map[string]bool{}
	for _, e := range entries {
		there[fmt.Sprint(e.Values["data"])] = true
	}
	lost := 0
	for _, body := range bodies {
		if !there[string(body)] {
			lost++
		}
	}
	if lost > 0 {
		r.t.Errorf("%d of %d records that count as queued are lost; %d entries are there:\n%s", lost, len(bodies), len(entries),
			r.first.Client(r.t).Info(r.t.Context(), "replication").Val())
	}
}

// TestADeposedMasterIsNotBelieved promotes a replica while the other one goes on to
// confirm what the old master gets.
func TestADeposedMasterIsNotBelieved(t *testing.T) {
	for name, late := range map[string]bool{"the name follows at once": false, "the name follows late": true} {
		t.Run(name, func(t *testing.T) {
			r := newReplicated(t)
			waits := make(chan error, 1000)
			p := publisher(t, r.client(), producer.ToStream("s", 1), producer.Options{
				Replicas: 1, OnWait: func(err error, _ time.Duration) { waits <- err },
			})
			_, err := p.Publish(t.Context(), bodies(0, 10))
			must(t, err)
			r.replicate(r.first, "NO", "ONE")
			if !late {
				r.name.Store(&r.first.Addr)
			} else {
				r.awaitReplicas(1)
			}
			done := make(chan error, 1)
			go func() {
				_, err := p.Publish(t.Context(), bodies(10, 20))
				done <- err
			}()
			want := "another server has become the master"
			if late {
				want = "1 of 2 replicas left"
			}
			select {
			case reason := <-waits:
				if !strings.Contains(reason.Error(), want) {
					t.Errorf("the reason of the wait is %v, want %q", reason, want)
				}
			case err := <-done:
				t.Fatalf("the records count as queued (%v)", err)
			}
			r.follow()
			must(t, <-done)
			r.wantAll(bodies(0, 20))
		})
	}
}

// beforeInfo does something once, before the first INFO.
type beforeInfo struct {
	once sync.Once
	do   func()
}

func (*beforeInfo) DialHook(next redis.DialHook) redis.DialHook { return next }

func (*beforeInfo) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (b *beforeInfo) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "info" {
			b.once.Do(b.do)
		}
		return next(ctx, cmd)
	}
}

// TestAMasterThatHasBecomeAReplicaIsNotBelieved has the old master follow the new one as soon
// as records are confirmed: both have the same replication ID then.
func TestAMasterThatHasBecomeAReplicaIsNotBelieved(t *testing.T) {
	r := newReplicated(t)
	client := r.client()
	client.AddHook(&beforeInfo{do: func() {
		r.replicate(r.first, "NO", "ONE")
		r.follow()
		host, port, _ := net.SplitHostPort(r.first.Addr)
		r.replicate(r.master, host, port)
		admin := r.master.Client(t)
		env.Eventually(t, timeout, func() (bool, string) {
			info := admin.Info(t.Context(), "replication").Val()
			return strings.Contains(info, "master_link_status:up"), info
		})
	}})
	waits := make(chan error, 1000)
	p := publisher(t, client, producer.ToStream("s", 1), producer.Options{
		Replicas: 1, OnWait: func(err error, _ time.Duration) { waits <- err },
	})
	_, err := p.Publish(t.Context(), bodies(0, 10))
	must(t, err)
	select {
	case reason := <-waits:
		if !strings.Contains(reason.Error(), "another server has become the master") {
			t.Errorf("the reason of the wait is %v", reason)
		}
	default:
		t.Error("the records count as queued at once")
	}
	r.wantAll(bodies(0, 10))
}

// TestAReplicaThatDiesDelaysOnce has nobody take the place of the master.
func TestAReplicaThatDiesDelaysOnce(t *testing.T) {
	r := newReplicated(t)
	var departed atomic.Int64
	p := publisher(t, r.client(), producer.ToStream("s", 1), producer.Options{Replicas: 1, OnWait: func(err error, _ time.Duration) {
		var gone *producer.DepartedReplica
		if errors.As(err, &gone) {
			departed.Add(1)
		}
	}})
	_, err := p.Publish(t.Context(), bodies(0, 10))
	must(t, err)
	r.first.Kill()
	r.awaitReplicas(1)
	for i, waited := range []bool{true, false} {
		departed.Store(0)
		receipts, err := p.Publish(t.Context(), bodies(10*i, 10*i+10))
		must(t, err)
		if (departed.Load() > 0) != waited || !receipts[9].Queued {
			t.Errorf("batch %d: %d waits for a replica that has left", i, departed.Load())
		}
	}
}

// TestFailoverUnderLoad has a Sentinel promote a replica while records come. What
// counts as queued is there afterwards, though one replica is enough.
func TestFailoverUnderLoad(t *testing.T) {
	r := newReplicated(t)
	addr := env.Sentinel(t, "primary", r.master)
	sentinel := redis.NewSentinelClient(&redis.Options{Addr: addr})
	defer sentinel.Close()
	env.Eventually(t, timeout, func() (bool, string) {
		replicas := sentinel.Replicas(t.Context(), "primary").Val()
		return len(replicas) == 2, fmt.Sprint(replicas)
	})
	p := publisher(t, connect(t, "redis+sentinel://"+addr+"/primary"), producer.ToStream("s", 1), producer.Options{Replicas: 1})
	var queued [][]byte
	send := func() {
		t.Helper()
		batch := bodies(len(queued), len(queued)+10)
		_, err := p.Publish(t.Context(), batch)
		must(t, err)
		queued = append(queued, batch...)
	}
	for range 20 {
		send()
	}
	must(t, sentinel.Failover(t.Context(), "primary").Err())
	env.Eventually(t, timeout, func() (bool, string) {
		send()
		master := sentinel.GetMasterAddrByName(t.Context(), "primary").Val()
		return strings.Join(master, ":") == r.first.Addr, fmt.Sprint(master)
	})
	for range 20 {
		send()
	}
	t.Logf("%d records are queued", len(queued))
	r.wantAll(queued)
}
