package env_test

import (
	"net"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
)

func TestRedisKeepsPortAndDataOverStopAndKill(t *testing.T) {
	server := env.Redis(t)
	client := server.Client(t)
	addr, first := server.Addr, server.PID()

	set(t, client, "a", "1")
	server.Stop()
	if conn, err := net.Dial("tcp", addr); err == nil {
		_ = conn.Close()
		t.Error("a stopped server still listens")
	}
	server.Start()
	wantValue(t, client, "a", "1")

	set(t, client, "b", "2")
	server.Kill()
	server.Start()
	wantValue(t, client, "b", "2")

	if server.Addr != addr {
		t.Errorf("address was %s, is %s", addr, server.Addr)
	}
	if server.PID() == first {
		t.Error("the same process still serves")
	}
}

func TestRedisTakesConfig(t *testing.T) {
	server := env.Redis(t, env.WithConfig("maxmemory", "10mb", "requirepass", "p@ss/word", "appendfsync", "everysec"))
	client := server.Client(t)
	for name, want := range map[string]string{"maxmemory": "10485760", "appendfsync": "everysec", "appendonly": "yes"} {
		got, err := client.ConfigGet(t.Context(), name).Result()
		if err != nil || got[name] != want {
			t.Errorf("%s is %q (%v), want %q", name, got[name], err, want)
		}
	}
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	if options.Password != "p@ss/word" {
		t.Errorf("URL %q carries the password %q", server.URL(), options.Password)
	}
}

func TestRedisServersAreSeparate(t *testing.T) {
	one, two := env.Redis(t).Client(t), env.Redis(t).Client(t)
	set(t, one, "key", "one")
	if n, err := two.Exists(t.Context(), "key").Result(); err != nil || n != 0 {
		t.Errorf("the second server has %d keys of the first (%v)", n, err)
	}
}

func TestRedisMissing(t *testing.T) {
	t.Setenv("REDIS_SERVER_BIN", "/nowhere/redis-server")
	for ci, want := range map[string]string{"": "skip", "true": "fail"} {
		t.Setenv("CI", ci)
		got := outcome(t, func(t testing.TB) { env.Redis(t) })
		if got.verdict != want || !strings.Contains(got.message, "REDIS_SERVER_BIN") {
			t.Errorf("CI=%q: %s with %q, want %s with advice", ci, got.verdict, got.message, want)
		}
	}
}

func TestAnyRedisWithoutBinary(t *testing.T) {
	t.Setenv("REDIS_SERVER_BIN", "/nowhere/redis-server")
	client := env.AnyRedis(t).Client(t)
	set(t, client, "a", "1")
	wantValue(t, client, "a", "1")

	got := outcome(t, func(t testing.TB) { env.AnyRedis(t).Stop() })
	if got.verdict != "fail" || !strings.Contains(got.message, "env.Redis") {
		t.Errorf("stopping a miniredis: %v, want a failure with advice", got)
	}
}

func set(t *testing.T, client *redis.Client, key, value string) {
	t.Helper()
	if err := client.Set(t.Context(), key, value, 0).Err(); err != nil {
		t.Fatal(err)
	}
}

func wantValue(t *testing.T, client *redis.Client, key, want string) {
	t.Helper()
	if got, err := client.Get(t.Context(), key).Result(); err != nil || got != want {
		t.Errorf("%s is %q (%v), want %q", key, got, err, want)
	}
}
