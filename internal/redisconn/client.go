package redisconn

import (
	"cmp"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// The time-outs, where REDIS_URL gives none.
const (
	dialTimeout = 3 * time.Second
	callTimeout = 10 * time.Second
)

// New returns a client that never repeats a command by itself: a repeated pop
// loses a record, so whoever can safely repeat a command does so knowingly.
// poolSize is the number of connections a node; it connects on first use. What
// the library would print by itself is silenced in the whole process: its
// errors come back and are logged in the service's own form.
func New(parsed *redis.UniversalOptions, poolSize int) redis.UniversalClient {
	logging.Disable()
	opts := *parsed
	opts.MaxRetries = -1
	opts.DialerRetries = 1
	opts.PoolSize = poolSize
	opts.DialTimeout = cmp.Or(opts.DialTimeout, dialTimeout)
	opts.ReadTimeout = cmp.Or(opts.ReadTimeout, callTimeout)
	opts.WriteTimeout = cmp.Or(opts.WriteTimeout, callTimeout)
	opts.ContextTimeoutEnabled = true
	opts.DisableIdentity = true
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if opts.IsClusterMode {
		return newCluster(opts.Cluster())
	}
	return redis.NewUniversalClient(&opts)
}
