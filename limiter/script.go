package limiter

import (
	"context"
	_ "embed"

	"github.com/redis/go-redis/v9"
)

//go:embed judge.lua
var source string

var judgeScript = redis.NewScript(source)

// runScript runs judge.lua by its hash and loads it where a server does not have
// it: at first use, after a restart, a failover or SCRIPT FLUSH. EVAL is the last
// resort, so that a Redis role can do without: only a node that is taking over
// its first slot is not reached by SCRIPT LOAD but by redirection.
func runScript(ctx context.Context, client redis.UniversalClient, keys []string, args []any) (any, error) {
	reply, err := judgeScript.EvalSha(ctx, client, keys, args...).Result()
	if !redis.HasErrorPrefix(err, "NOSCRIPT") {
		return reply, err
	}
	if err := judgeScript.Load(ctx, client).Err(); err != nil {
		return nil, err
	}
	reply, err = judgeScript.EvalSha(ctx, client, keys, args...).Result()
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		return judgeScript.Eval(ctx, client, keys, args...).Result()
	}
	return reply, err
}
