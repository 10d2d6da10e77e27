package limiter

import (
	"context"
	_ "embed"

	"github.com/redis/go-redis/v9"
)

//go:embed judge.lua
var source string

var judgeScript = redis.NewScript(source)

// runScript runs judge.lua by its hash, and by its text where the server does not
// know it: at first use, after a restart, a failover or SCRIPT FLUSH.
//
// The first two arguments are set by it; then come the number of keys and a key.
func runScript(ctx context.Context, client redis.UniversalClient, args []any) (any, error) {
	reply, err := evaluate(ctx, client, "evalsha", judgeScript.Hash(), args)
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		return evaluate(ctx, client, "eval", source, args)
	}
	return reply, err
}

// evaluate sends the arguments as they are: the client's own methods copy them.
func evaluate(ctx context.Context, client redis.UniversalClient, name, script string, args []any) (any, error) {
	args[0], args[1] = name, script
	cmd := redis.NewCmd(ctx, args...)
	cmd.SetFirstKeyPos(3)
	_ = client.Process(ctx, cmd) // the command has the error
	return cmd.Result()
}
