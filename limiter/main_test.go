package limiter_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/limiter"
)

func TestMain(m *testing.M) { env.Main(m) }

// realRedis is a redis-server without persistence, which the limiter's rule does
// not depend on.
func realRedis(t testing.TB, config ...string) *env.RedisServer {
	t.Helper()
	return env.Redis(t, env.WithConfig(append([]string{"appendonly", "no"}, config...)...))
}

// config is a limiter of n records a window in one partition "q".
func config(n int, window time.Duration) limiter.Config {
	return limiter.Config{Limit: n, Window: window, Lateness: time.Hour, Bases: []string{"q"}}
}

func newLimiter(t fataler, client redis.UniversalClient, cfg limiter.Config) *limiter.Limiter {
	l, err := limiter.New(client, cfg)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return l
}

// judge asks and wants no error.
func judge(t testing.TB, l *limiter.Limiter, requests ...limiter.Request) []limiter.Verdict {
	t.Helper()
	verdicts, err := l.Judge(context.Background(), requests)
	if err != nil {
		t.Fatal(err)
	}
	return verdicts
}

func at(customer, member string, ms int64) limiter.Request {
	return limiter.Request{CustomerID: customer, Member: member, At: ms}
}

func card(t testing.TB, client *redis.Client, key string) int64 {
	t.Helper()
	n, err := client.ZCard(context.Background(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	return n
}
