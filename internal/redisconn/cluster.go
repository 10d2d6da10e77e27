package redisconn

import (
	"time"

	"github.com/redis/go-redis/v9"
)

// reloadEvery is how old what is known of a Cluster's masters may become. The
// library's minute would be the time for which a dead one is still asked.
const reloadEvery = time.Second

func newCluster(opts *redis.ClusterOptions) *redis.ClusterClient {
	opts.ClusterStateReloadInterval = reloadEvery
	opts.DisableRoutingPolicies = true // nothing here speaks to all nodes
	client := redis.NewClusterClient(opts)
	client.AddHook(sendOnce{})
	return client
}
