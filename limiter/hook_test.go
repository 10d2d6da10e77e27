package limiter_test

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
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
func hooked(t testing.TB, server *env.RedisServer, a around) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1})
	client.AddHook(a)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// patched is a client whose calls run the script with changes: pairs of a text that
// it has exactly once, and the replacement.
func patched(t testing.TB, server *env.RedisServer, changes ...string) *redis.Client {
	t.Helper()
	var text []byte
	for _, file := range []string{"window.lua", "search.lua", "judge.lua"} {
		part, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, part...)
	}
	for i := 0; i < len(changes); i += 2 {
		if strings.Count(string(text), changes[i]) != 1 {
			t.Fatalf("the script has changed: it does not have once %q", changes[i])
		}
	}
	script := redis.NewScript(strings.NewReplacer(changes...).Replace(string(text)))
	if err := script.Load(context.Background(), server.Client(t)).Err(); err != nil {
		t.Fatal(err)
	}
	return hooked(t, server, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		cmd.Args()[1] = script.Hash()
		return next(ctx, cmd)
	})
}

// clocked is a client for which the script reads its time, in ms, from a key.
func clocked(t testing.TB, server *env.RedisServer) *redis.Client {
	t.Helper()
	return patched(t, server, `call('TIME')`, `{ 0, call('GET', 'clock') * 1000 }`)
}

func setClock(t fataler, client *redis.Client, ms int64) {
	if err := client.Set(context.Background(), "clock", ms, 0).Err(); err != nil {
		t.Fatalf("setting the clock: %v", err)
	}
}
