package limiter

import (
	"context"
	_ "embed"

	"github.com/redis/go-redis/v9"
)

//go:embed judge.lua
var source string

// script runs judge.lua by its hash and loads it where a server does not have it:
// at first use, after a restart, a failover or SCRIPT FLUSH.
type script struct {
	client redis.UniversalClient
	lua    *redis.Script
}

func newScript(client redis.UniversalClient) *script {
	return &script{client: client, lua: redis.NewScript(source)}
}

func (s *script) run(ctx context.Context, keys []string, args []any) (any, error) {
	reply, err := s.lua.EvalSha(ctx, s.client, keys, args...).Result()
	if !redis.HasErrorPrefix(err, "NOSCRIPT") {
		return reply, err
	}
	if err := s.lua.Load(ctx, s.client).Err(); err != nil {
		return nil, err
	}
	return s.lua.EvalSha(ctx, s.client, keys, args...).Result()
}
