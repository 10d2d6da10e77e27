package embedded_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/embedded"
	"ingestion/internal/test/env"
)

const soon = 20 * time.Second

func startRedis(t *testing.T) (*embedded.Redis, *redis.Client) {
	t.Helper()
	server, err := embedded.StartRedis(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries = -1
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return server, client
}

func TestRedisKeysExpireOnTime(t *testing.T) {
	_, client := startRedis(t)
	const life, early = 400 * time.Millisecond, 60 * time.Millisecond
	set := time.Now()
	if err := client.Set(t.Context(), "key", "1", life).Err(); err != nil {
		t.Fatal(err)
	}
	env.Eventually(t, soon, func() (bool, string) {
		n, err := client.Exists(t.Context(), "key").Result()
		return err == nil && n == 0, "the key is still there"
	})
	if lived := time.Since(set); lived < life-early {
		t.Errorf("the key lived for %v of %v", lived, life)
	}
}

func TestRedisTime(t *testing.T) {
	_, client := startRedis(t)
	now, err := client.Time(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	if off := time.Since(now).Abs(); off > time.Second {
		t.Errorf("TIME is off by %v", off)
	}
}

func TestRedisCloseReleasesBlockedClients(t *testing.T) {
	server, client := startRedis(t)
	blocked := make(chan error, 1)
	go func() { blocked <- client.BLPop(context.WithoutCancel(t.Context()), 0, "empty").Err() }()
	env.Eventually(t, soon, func() (bool, string) {
		return client.PoolStats().TotalConns >= 1, "the client is not connected"
	})
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-blocked:
		if err == nil {
			t.Error("BLPOP on a closed server has a result")
		}
	case <-time.After(soon):
		t.Error("BLPOP is still blocked")
	}
}

func TestRedisCloseFreesThePort(t *testing.T) {
	server, _ := startRedis(t)
	for range 2 {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}
	again, err := embedded.StartRedis(t.Context(), server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestUnusableAddresses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, c := range map[string]struct{ addr, message string }{
		"taken":        {l.Addr().String(), "port is in use"},
		"not ours":     {"192.0.2.1:0", "the host is not this machine"},
		"no port":      {"127.0.0.1", "want host:port"},
		"no such port": {"127.0.0.1:99999", "want host:port"},
		"no number":    {"127.0.0.1:redis-port", "want host:port"},
	} {
		t.Run(name, func(t *testing.T) {
			_, redisErr := embedded.StartRedis(t.Context(), c.addr)
			_, mongoErr := embedded.StartMongo(t.Context(), embedded.Options{Addr: c.addr})
			for _, err := range []error{redisErr, mongoErr} {
				if err == nil || !strings.Contains(err.Error(), c.message) {
					t.Errorf("%v, want an error with %q", err, c.message)
				}
			}
		})
	}
}

func TestStartWithCancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := embedded.StartRedis(ctx, "127.0.0.1:0"); err == nil {
		t.Error("Redis starts")
	}
	if _, err := embedded.StartMongo(ctx, embedded.Options{}); err == nil {
		t.Error("MongoDB starts")
	}
}
