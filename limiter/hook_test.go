package limiter_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/testenv"
)

// around is called in place of each script call; it calls next, or not.
type around func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error

// DialHook leaves dialling as it is.
func (around) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessPipelineHook leaves pipelines as they are.
func (around) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// ProcessHook wraps EVALSHA.
func (a around) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if !strings.EqualFold(cmd.Name(), "evalsha") {
			return next(ctx, cmd)
		}
		return a(ctx, cmd, next)
	}
}

// hooked is a client without retries of its own.
func hooked(t testing.TB, server *testenv.RedisServer, a around) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1})
	client.AddHook(a)
	t.Cleanup(func() { _ = client.Close() })
	return client
}
