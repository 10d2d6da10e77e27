package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/plural"
)

const slots = "16384"

func clusterSlots(ctx context.Context, e *exam, f *findings) error {
	failure := errors.New("the Cluster names no master")
	answered := false
	for i := range e.nodes {
		text, err := e.nodes[i].client.ClusterInfo(ctx).Result()
		if err != nil {
			failure = err
			continue
		}
		answered = true
		if judgeSlots(parseInfo(text), f); len(f.list) > 0 {
			return nil // the others say much the same
		}
	}
	if answered {
		return nil // cluster-masters reports those that did not answer
	}
	return failure
}

// judgeSlots looks at how one node sees the Cluster.
func judgeSlots(info map[string]string, f *findings) {
	const remedy = "redis-cli --cluster check HOST:PORT names the slots, and --cluster fix assigns them"
	switch {
	case info["cluster_slots_assigned"] != slots:
		f.add(Error, fmt.Sprintf("only %s of %s hash slots are assigned to a master", info["cluster_slots_assigned"], slots),
			"partitions and customers' windows in the others can't be used", remedy)
	case info["cluster_slots_fail"] != "0", info["cluster_slots_pfail"] != "0":
		f.add(Error, fmt.Sprintf("the masters of %s hash slots fail, and probably those of %s more", info["cluster_slots_fail"], info["cluster_slots_pfail"]),
			"partitions and customers' windows in them can't be used", "start the master, or promote a replica (CLUSTER FAILOVER)")
	case info["cluster_state"] != "ok":
		f.add(Error, "the state of the Cluster is "+info["cluster_state"], "it refuses commands", remedy)
	}
}

func clusterMasters(ctx context.Context, e *exam, f *findings) error {
	failures := make([]error, len(e.nodes))
	together(len(e.nodes), func(i int) {
		ctx, cancel := context.WithTimeout(ctx, serverTimeout)
		defer cancel()
		failures[i] = e.nodes[i].client.Ping(ctx).Err()
	})
	for i, err := range failures {
		if err != nil && !redis.IsPermissionError(err) {
			f.add(Error, fmt.Sprintf("the master %s does not answer: %s", e.nodes[i].addr, reasonOf(err)),
				"its partitions can't be used", "start it, or let this host reach the address that it announces (cluster-announce-ip)")
		}
	}
	return nil
}

func clusterSpread(ctx context.Context, e *exam, f *findings) error {
	cluster, ok := e.redis.(*redis.ClusterClient)
	if !ok || len(e.nodes) < 2 {
		return nil
	}
	keys := e.keys()
	held := map[string]int{}
	busiest := ""
	for _, key := range keys {
		master, err := cluster.MasterForKey(ctx, key)
		if err != nil {
			return err
		}
		addr := master.Options().Addr
		if held[addr]++; held[addr] > held[busiest] {
			busiest = addr
		}
	}
	fair := (len(keys) + len(e.nodes) - 1) / len(e.nodes)
	if held[busiest] > 2*fair {
		f.add(Warning, fmt.Sprintf("the master %s has %d of %s, and there are %d masters", busiest, held[busiest],
			plural.Of(len(keys), "partition", "partitions"), len(e.nodes)),
			"it does most of the work, and limits the throughput", "move hash slots (redis-cli --cluster reshard), or take another STREAM_KEY or more STREAM_PARTITIONS for a new stream")
	}
	return nil
}
