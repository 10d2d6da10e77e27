package env

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Sentinel starts a Redis Sentinel, and returns its address. It looks after master,
// if that is not nil, under a name; a failover needs no other Sentinel's consent.
// lines are added to its configuration.
func Sentinel(t testing.TB, name string, master *RedisServer, lines ...string) (addr string) {
	t.Helper()
	if master != nil {
		lines = append(watch(name, master, 1), lines...)
	}
	return startSentinel(t, lines)
}

// watch has a Sentinel look after a master; quorum Sentinels must find it down.
func watch(name string, master *RedisServer, quorum int) []string {
	host, port, _ := net.SplitHostPort(master.Addr)
	return []string{
		fmt.Sprintf("sentinel monitor %s %s %s %d", name, host, port, quorum),
		"sentinel down-after-milliseconds " + name + " 1000", "sentinel failover-timeout " + name + " 10000",
	}
}

func startSentinel(t testing.TB, lines []string) (addr string) {
	t.Helper()
	bin, err := redisBinary()
	if err != nil {
		t.Fatalf("needs redis-server: %v", err)
	}
	addr = freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	dir := dataDir(t)
	config := append([]string{"bind 127.0.0.1", "port " + port, "dir " + dir}, lines...)
	file := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(file, []byte(strings.Join(config, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	Process(t, bin, []string{file, "--sentinel"}, nil, InDir(dir))
	client := newClient(t, &redis.Options{Addr: addr})
	Eventually(t, startTimeout, func() (bool, string) {
		err := client.Ping(t.Context()).Err()
		return err == nil || redis.HasErrorPrefix(err, "NOAUTH"), fmt.Sprintf("the Sentinel does not answer: %v", err)
	})
	return addr
}
