package env

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

// RedisCluster is a Redis Cluster of the test's own. The hash slots are divided
// evenly among the masters, in order. Replicas[i] is the replica of master i,
// if there are replicas.
type RedisCluster struct {
	Masters, Replicas []*RedisServer

	t testing.TB
}

// Cluster starts a Cluster of masters, each with a replica if wanted. A node
// counts as failed after one second, and a replica may lag behind by any time.
func Cluster(t testing.TB, masters int, replicas bool) *RedisCluster {
	t.Helper()
	c := &RedisCluster{t: t}
	buses := map[*RedisServer]string{}
	start := func() *RedisServer {
		_, bus, _ := net.SplitHostPort(freeAddr(t))
		s := Redis(t, WithConfig("cluster-enabled", "yes", "cluster-port", bus, "cluster-node-timeout", "1000",
			"cluster-require-full-coverage", "no", "cluster-replica-validity-factor", "0", "appendfsync", "no", "repl-diskless-sync-delay", "0"))
		buses[s] = bus
		return s
	}
	for range masters {
		c.Masters = append(c.Masters, start())
	}
	if replicas {
		for range masters {
			c.Replicas = append(c.Replicas, start())
		}
	}
	for i, m := range c.Masters {
		c.do(m, "CLUSTER", "ADDSLOTSRANGE", i*16384/masters, (i+1)*16384/masters-1)
	}
	first := c.Masters[0]
	for _, s := range c.nodes()[1:] {
		host, port, _ := net.SplitHostPort(s.Addr)
		c.do(first, "CLUSTER", "MEET", host, port, buses[s])
	}
	c.awaitNodes()
	for i, r := range c.Replicas {
		c.do(r, "CLUSTER", "REPLICATE", c.do(c.Masters[i], "CLUSTER", "MYID"))
	}
	c.awaitReplicas()
	return c
}

func (c *RedisCluster) nodes() []*RedisServer { return slices.Concat(c.Masters, c.Replicas) }

func (c *RedisCluster) awaitNodes() {
	c.t.Helper()
	known := fmt.Sprintf("cluster_known_nodes:%d\r", len(c.nodes()))
	for _, s := range c.nodes() {
		Eventually(c.t, startTimeout, func() (bool, string) {
			info, _ := c.do(s, "CLUSTER", "INFO").(string)
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_slots_ok:16384") && strings.Contains(info, known), info
		})
	}
}

func (c *RedisCluster) awaitReplicas() {
	c.t.Helper()
	for _, r := range c.Replicas {
		Eventually(c.t, startTimeout, func() (bool, string) {
			info, _ := c.do(r, "INFO", "replication").(string)
			return strings.Contains(info, "master_link_status:up"), info
		})
	}
	for _, s := range c.nodes() { // each knows of each replica
		Eventually(c.t, startTimeout, func() (bool, string) {
			nodes, _ := c.do(s, "CLUSTER", "NODES").(string)
			return strings.Count(nodes, "slave") == len(c.Replicas), nodes
		})
	}
}

func (c *RedisCluster) do(s *RedisServer, args ...any) any {
	c.t.Helper()
	client := redis.NewClient(s.options())
	defer client.Close()
	reply, err := client.Do(context.Background(), args...).Result()
	if err != nil {
		c.t.Fatalf("%v: %v", args, err)
	}
	return reply
}

// URL returns the value of REDIS_URL for the Cluster.
func (c *RedisCluster) URL() string {
	var addrs []string
	for _, s := range c.nodes() {
		addrs = append(addrs, s.Addr)
	}
	return "redis+cluster://" + strings.Join(addrs, ",")
}

// Calls returns how often the masters have executed a command, including calls
// in scripts.
func (c *RedisCluster) Calls(command string) (n int) {
	c.t.Helper()
	for _, m := range c.Masters {
		info, _ := c.do(m, "INFO", "commandstats").(string)
		for line := range strings.Lines(info) {
			var calls int
			if _, err := fmt.Sscanf(line, "cmdstat_"+strings.ToLower(command)+":calls=%d", &calls); err == nil {
				n += calls
			}
		}
	}
	return n
}

// AwaitPromotion waits until the replica of master i is a master.
func (c *RedisCluster) AwaitPromotion(i int) {
	c.t.Helper()
	Eventually(c.t, startTimeout, func() (bool, string) {
		info, _ := c.do(c.Replicas[i], "INFO", "replication").(string)
		return strings.Contains(info, "role:master"), info
	})
}

// Hang suspends the server's process: its connections stay open and new ones
// are accepted, but it sends no replies.
func (s *RedisServer) Hang() {
	s.t.Helper()
	s.running("Hang").Signal(syscall.SIGSTOP)
}

// Resume ends what Hang began.
func (s *RedisServer) Resume() {
	s.t.Helper()
	s.running("Resume").Signal(syscall.SIGCONT)
}

// KeyOn returns a key with prefix on master i.
func (c *RedisCluster) KeyOn(i int, prefix string) string {
	c.t.Helper()
	for n := range 1000 {
		key := fmt.Sprintf("%s%d", prefix, n)
		slot, _ := c.do(c.Masters[0], "CLUSTER", "KEYSLOT", key).(int64)
		if int(slot)*len(c.Masters)/16384 == i {
			return key
		}
	}
	c.t.Fatal("no key found")
	return ""
}

// Move moves the hash slot of a key from one master to another.
func (c *RedisCluster) Move(key string, from, to int) {
	c.t.Helper()
	c.MoveSlot(c.Slot(key), c.Masters[from], c.Masters[to])
}

// Slot returns the hash slot of a key.
func (c *RedisCluster) Slot(key string) int64 {
	c.t.Helper()
	slot, _ := c.do(c.Masters[0], "CLUSTER", "KEYSLOT", key).(int64)
	return slot
}

// MoveSlot moves a hash slot with its keys from one master to another, as redis-cli
// --cluster reshard does, while clients go on to use it.
func (c *RedisCluster) MoveSlot(slot int64, source, target *RedisServer) {
	c.t.Helper()
	c.AwaitAgreement()
	id := c.do(target, "CLUSTER", "MYID")
	c.do(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", c.do(source, "CLUSTER", "MYID"))
	c.do(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", id)
	host, port, _ := net.SplitHostPort(target.Addr)
	for {
		keys, _ := c.do(source, "CLUSTER", "GETKEYSINSLOT", slot, 100).([]any)
		if len(keys) == 0 {
			break
		}
		c.do(source, append([]any{"MIGRATE", host, port, "", 0, 10_000, "KEYS"}, keys...)...)
	}
	c.do(target, "CLUSTER", "SETSLOT", slot, "NODE", id)
	c.do(source, "CLUSTER", "SETSLOT", slot, "NODE", id)
	c.AwaitAgreement()
}

// AwaitAgreement waits until all masters say the same of who has which slots, and since
// which epoch: until then the word of one that lags behind may undo a change.
func (c *RedisCluster) AwaitAgreement() {
	c.t.Helper()
	Eventually(c.t, startTimeout, func() (bool, string) {
		views := map[string]bool{}
		for _, m := range c.Masters {
			nodes, _ := c.do(m, "CLUSTER", "NODES").(string)
			views[slotsOf(nodes)] = true
		}
		return len(views) == 1, fmt.Sprint(views)
	})
}

// slotsOf returns the masters of CLUSTER NODES with their epochs and slots, in order.
func slotsOf(nodes string) string {
	var owners []string
	for line := range strings.Lines(nodes) {
		if f := strings.Fields(line); len(f) > 8 && strings.Contains(f[2], "master") {
			owners = append(owners, fmt.Sprint(f[0], f[6], f[8:]))
		}
	}
	slices.Sort(owners)
	return strings.Join(owners, "\n")
}
