package redisconn

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// reloads is how often a script is loaded anew for one run: somebody may flush
// the scripts again meanwhile.
const reloads = 5

// Run runs a script by its hash and loads it first where the server does not
// know it (a restart or SCRIPT FLUSH forgets scripts). It never sends EVAL, so
// a Redis role may keep EVAL to itself.
func Run(ctx context.Context, c redis.UniversalClient, s *redis.Script, keys []string, args ...any) *redis.Cmd {
	cmd := s.EvalSha(ctx, c, keys, args...)
	for range reloads {
		if !redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
			break
		}
		if err := s.Load(ctx, c).Err(); err != nil {
			cmd.SetErr(err)
			break
		}
		cmd = s.EvalSha(ctx, c, keys, args...)
	}
	return cmd
}
