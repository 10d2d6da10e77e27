package redisconn

import (
	"cmp"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// The timeouts, unless the URL sets others.
const (
	dialTimeout = 3 * time.Second
	callTimeout = 10 * time.Second
)

// New returns a client that never retries a command by itself: a repeated pop
// loses a record, so callers retry explicitly, where that is safe. poolSize is the
// maximum number of connections to a node; the client connects on first use. New
// silences the library's own log in the whole process: errors are returned, and
// logged in the service's format.
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
