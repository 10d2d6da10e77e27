package limiter_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/limiter"
)

// cluster is two nodes; a has all hash slots.
type cluster struct {
	t    *testing.T
	a, b *redis.Client
	ids  map[*redis.Client]string
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, ids: map[*redis.Client]string{}}
	c.a, _ = c.node()
	b, bus := c.node()
	c.b = b
	host, port, _ := net.SplitHostPort(b.Options().Addr)
	c.do(c.a, "CLUSTER", "MEET", host, port, bus)
	c.do(c.a, "CLUSTER", "ADDSLOTSRANGE", 0, 16383)
	for _, node := range []*redis.Client{c.a, c.b} {
		c.ids[node] = c.do(node, "CLUSTER", "MYID").(string)
		env.Eventually(t, 20*time.Second, func() (bool, string) {
			info := node.ClusterInfo(context.Background()).Val()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:2"), info
		})
	}
	return c
}

// node is a new member and the port of its cluster bus.
func (c *cluster) node() (*redis.Client, string) {
	c.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	_, bus, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	return realRedis(c.t, "cluster-enabled", "yes", "cluster-port", bus).Client(c.t), bus
}

func (c *cluster) do(node *redis.Client, args ...any) any {
	c.t.Helper()
	reply, err := node.Do(context.Background(), args...).Result()
	if err != nil {
		c.t.Fatalf("%v: %v", args, err)
	}
	return reply
}

// TestMigratingSlot judges while the keys of the hash slot are on two nodes.
func TestMigratingSlot(t *testing.T) {
	c := startCluster(t)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{c.a.Options().Addr, c.b.Options().Addr}})
	defer client.Close()
	l := newLimiter(t, client, config(1, time.Minute))
	if err := client.HSet(t.Context(), "{q}:limits", "bob", "2/60").Err(); err != nil {
		t.Fatal(err)
	}
	judge(t, l, at("ann", "a", someTime), at("bob", "b", someTime))

	slot := c.do(c.a, "CLUSTER", "KEYSLOT", "{q}")
	c.do(c.b, "CLUSTER", "SETSLOT", slot, "IMPORTING", c.ids[c.a])
	c.do(c.a, "CLUSTER", "SETSLOT", slot, "MIGRATING", c.ids[c.b])
	host, port, _ := net.SplitHostPort(c.b.Options().Addr)
	c.do(c.a, "MIGRATE", host, port, "{q}:limit:ann", 0, 5000)

	requests := []limiter.Request{
		at("ann", "c", someTime), at("ann", "a", someTime), // moved
		at("bob", "d", someTime), at("bob", "e", someTime), // not yet moved
		at("cyd", "f", someTime), at("cyd", "g", someTime), // new
	}
	want := []limiter.Decision{refused, admitted, admitted, refused, admitted, refused}
	wantAll := func(when string) {
		for i, v := range judge(t, l, requests...) {
			if v.Decision != want[i] {
				t.Errorf("%s: %+v: %+v, want it %v", when, requests[i], v, want[i])
			}
		}
	}
	wantAll("while the slot migrates")
	for _, key := range []string{"{q}:limit:bob", "{q}:limits"} {
		c.do(c.a, "MIGRATE", host, port, key, 0, 5000)
	}
	for _, node := range []*redis.Client{c.b, c.a} {
		c.do(node, "CLUSTER", "SETSLOT", slot, "NODE", c.ids[c.b])
	}
	wantAll("afterwards")
}
