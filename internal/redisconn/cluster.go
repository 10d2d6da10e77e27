package redisconn

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// reloadEvery is how old what is known of a Cluster's masters may become. The
	// library's minute would be the time for which a dead one is still asked.
	reloadEvery = time.Second
	// slotsWithin is how long one node may take to say who the masters are, before
	// another is asked.
	slotsWithin = time.Second
)

// newCluster returns a client that follows a Cluster: within some seconds of a
// replica's promotion commands go there, also those that wait for a node which
// does not answer any more.
func newCluster(opts *redis.ClusterOptions) *redis.ClusterClient {
	opts.ClusterStateReloadInterval = reloadEvery
	opts.DisableRoutingPolicies = true // nothing here speaks to all nodes
	client := redis.NewClusterClient(opts)
	client.AddHook(sendOnce{})
	client.AddHook(reload{client})
	nodes := newNodes()
	client.OnNewNode(func(node *redis.Client) { node.AddHook(nodes) })
	return client
}

// reload is a hook that has the Cluster's state read again while a command takes
// long: perhaps its node hangs, and no other command asks for the state.
type reload struct{ client *redis.ClusterClient }

// DialHook leaves dialling as it is.
func (reload) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook watches a command.
func (r reload) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		defer r.meanwhile()()
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook watches a pipeline.
func (r reload) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		defer r.meanwhile()()
		return next(ctx, cmds)
	}
}

// meanwhile reloads the state now and then until it is stopped.
func (r reload) meanwhile() (stop func()) {
	done := make(chan struct{})
	timer := time.AfterFunc(reloadEvery, func() {
		for {
			r.client.ReloadState(context.Background())
			select {
			case <-time.After(reloadEvery):
			case <-done:
				return
			}
		}
	})
	return func() {
		timer.Stop()
		close(done)
	}
}
