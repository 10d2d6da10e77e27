package redisconn

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// once is a command that is sent once: the library's client for a Cluster
// repeats others whatever its options say. A redirection is followed, since the
// node that answers so has done nothing.
type once struct{ redis.Cmder }

// NoRetry says so to the library.
func (once) NoRetry() bool { return true }

// sendOnce is a hook of a client for a Cluster.
type sendOnce struct{}

// DialHook leaves dialling as it is.
func (sendOnce) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook has each command sent once.
func (sendOnce) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { return next(ctx, once{cmd}) }
}

// ProcessPipelineHook has each command of a pipeline sent once.
func (sendOnce) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		sent := make([]redis.Cmder, len(cmds))
		for i, cmd := range cmds {
			sent[i] = once{cmd}
		}
		return next(ctx, sent)
	}
}
