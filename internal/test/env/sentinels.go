package env

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// SentinelOptions says who must log in; empty names and passwords mean nobody.
type SentinelOptions struct {
	Password         string // of the default user of Redis, by which the servers know each other
	User, UserWord   string // a further user of Redis, and its password
	Sentinel, OpWord string // the only user of the Sentinels, and its password
}

// SentinelGroup is a master with two replicas, and three Sentinels of which two must
// agree that the master is down.
type SentinelGroup struct {
	Servers []*RedisServer // the first one was the master at the beginning
	Name    string         // of the master
	Addrs   []string       // of the Sentinels
	Options SentinelOptions

	t testing.TB
}

// Sentinels starts a group, and waits until all know each other.
func Sentinels(t testing.TB, options SentinelOptions) *SentinelGroup {
	t.Helper()
	g := &SentinelGroup{Name: "primary", t: t, Options: options}
	for i := range 3 {
		config := []string{"appendfsync", "no", "repl-diskless-sync-delay", "0"}
		if options.Password != "" {
			config = append(config, "requirepass", options.Password, "masterauth", options.Password)
		}
		if options.User != "" {
			config = append(config, "user", fmt.Sprintf("%s on >%s ~* &* +@all", options.User, options.UserWord))
		}
		if i > 0 {
			config = append(config, "replicaof", strings.Replace(g.Servers[0].Addr, ":", " ", 1))
		}
		g.Servers = append(g.Servers, Redis(t, WithConfig(config...)))
	}
	for range 3 {
		g.Addrs = append(g.Addrs, startSentinel(t, g.lines()))
	}
	g.awaitSentinels()
	g.AwaitReplicas(2)
	return g
}

func (g *SentinelGroup) lines() []string {
	lines := watch(g.Name, g.Servers[0], 2)
	if g.Options.Password != "" {
		lines = append(lines, "sentinel auth-pass "+g.Name+" "+g.Options.Password)
	}
	if g.Options.Sentinel != "" {
		lines = append(lines, fmt.Sprintf("user %s on >%s ~* &* +@all", g.Options.Sentinel, g.Options.OpWord), "user default off",
			"sentinel sentinel-user "+g.Options.Sentinel, "sentinel sentinel-pass "+g.Options.OpWord)
	}
	return lines
}

// URL returns the value of REDIS_URL for the group, without passwords.
func (g *SentinelGroup) URL() string {
	user := ""
	if g.Options.User != "" {
		user = g.Options.User + "@"
	}
	return "redis+sentinel://" + user + strings.Join(g.Addrs, ",") + "/" + g.Name
}

func (g *SentinelGroup) sentinel(i int) *redis.SentinelClient {
	client := redis.NewSentinelClient(&redis.Options{Addr: g.Addrs[i], Username: g.Options.Sentinel, Password: g.Options.OpWord})
	return client
}

func (g *SentinelGroup) awaitSentinels() {
	g.t.Helper()
	for i := range g.Addrs {
		client := g.sentinel(i)
		defer client.Close()
		Eventually(g.t, startTimeout, func() (bool, string) {
			info, err := client.Master(context.Background(), g.Name).Result()
			return info["num-other-sentinels"] == "2" && info["num-slaves"] == "2" && info["flags"] == "master", fmt.Sprint(info, err)
		})
	}
}

// Master returns the server that the first Sentinel calls the master.
func (g *SentinelGroup) Master() *RedisServer {
	g.t.Helper()
	client := g.sentinel(0)
	defer client.Close()
	addr, err := client.GetMasterAddrByName(context.Background(), g.Name).Result()
	if err != nil {
		g.t.Fatal(err)
	}
	for _, s := range g.Servers {
		if s.Addr == strings.Join(addr, ":") {
			return s
		}
	}
	g.t.Fatalf("no server has the address %v", addr)
	return nil
}

// AwaitReplicas waits until the master has n replicas that confirm a write, and that the first
// Sentinel would promote: it looks at them every ten seconds only.
func (g *SentinelGroup) AwaitReplicas(n int) {
	g.t.Helper()
	client := g.sentinel(0)
	defer client.Close()
	Eventually(g.t, 2*startTimeout, func() (bool, string) {
		replicas, err := client.Replicas(context.Background(), g.Name).Result()
		good := 0
		for _, r := range replicas {
			if r["flags"] == "slave" && r["master-link-status"] == "ok" {
				good++
			}
		}
		return good >= n, fmt.Sprint(replicas, err)
	})
	Eventually(g.t, startTimeout, func() (bool, string) {
		client := redis.NewClient(g.Master().options())
		defer client.Close()
		conn := client.Conn()
		defer conn.Close()
		if err := conn.Set(context.Background(), "probe", "x", 0).Err(); err != nil {
			return false, err.Error()
		}
		have, err := conn.Wait(context.Background(), n, time.Second).Result()
		return int(have) >= n, fmt.Sprintf("%d of %d replicas confirm, %v", have, n, err)
	})
}

// Failover has the Sentinels promote a replica while the master is up, and waits until the
// first one says so. It repeats the command, as an operator would: soon after another failover
// Sentinels may take none of the replicas for a good one yet, and they give up if the one that
// they chose does not answer in time.
func (g *SentinelGroup) Failover() {
	g.t.Helper()
	client := g.sentinel(0)
	defer client.Close()
	old := g.Master().Addr
	Eventually(g.t, 2*startTimeout, func() (bool, string) {
		addr, err := client.GetMasterAddrByName(context.Background(), g.Name).Result()
		if err == nil && strings.Join(addr, ":") != old {
			return true, ""
		}
		err = client.Failover(context.Background(), g.Name).Err()
		if err != nil && !redis.HasErrorPrefix(err, "NOGOODSLAVE") && !redis.HasErrorPrefix(err, "INPROG") {
			g.t.Fatal(err)
		}
		return false, fmt.Sprint(err)
	})
}

// AwaitMaster waits until another server than old is the master by the word of all
// Sentinels, and answers as one.
func (g *SentinelGroup) AwaitMaster(old *RedisServer) *RedisServer {
	g.t.Helper()
	for i := range g.Addrs {
		client := g.sentinel(i)
		defer client.Close()
		Eventually(g.t, 2*startTimeout, func() (bool, string) {
			addr, err := client.GetMasterAddrByName(context.Background(), g.Name).Result()
			return err == nil && strings.Join(addr, ":") != old.Addr, fmt.Sprint(addr, err)
		})
	}
	next := g.Master()
	Eventually(g.t, startTimeout, func() (bool, string) {
		client := redis.NewClient(next.options())
		defer client.Close()
		role, err := client.Do(context.Background(), "ROLE").Slice()
		return err == nil && len(role) > 0 && role[0] == "master", fmt.Sprint(role, err)
	})
	return next
}
