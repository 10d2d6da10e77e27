package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ingestion/internal/plural"
)

// maxReplicaLag is how many seconds a replica may be silent. It reports each second.
const maxReplicaLag = 10

func redisRole(_ context.Context, e *exam, f *findings) error {
	return e.eachInfo(func(n *node) {
		if role := n.info["role"]; role != "" && role != "master" {
			f.add(Error, fmt.Sprintf("%sthis Redis is a replica of %s:%s", e.at(n), n.info["master_host"], n.info["master_port"]),
				"it refuses writes, so nothing can be queued or settled", "let REDIS_URL name the master, its Sentinels or the Cluster")
		}
	})
}

func redisReplicas(ctx context.Context, e *exam, f *findings) error {
	return e.eachInfo(func(n *node) {
		if n.info["role"] == "master" {
			e.lookAtReplicas(ctx, n, f)
		}
	})
}

func (e *exam) lookAtReplicas(ctx context.Context, n *node, f *findings) {
	replicas, good := replicasOf(n.info), 0
	for _, r := range replicas {
		switch {
		case r.state != "online":
			f.add(Warning, fmt.Sprintf("%sthe replica %s is not in step (%s)", e.at(n), r.addr, r.state), "a failover to it would lose records", "see the log of the replica")
		case r.lag > maxReplicaLag:
			f.add(Warning, fmt.Sprintf("%sthe replica %s was last heard of %v ago", e.at(n), r.addr, time.Duration(r.lag)*time.Second),
				"a failover to it would lose what was written since", "see the load and the network of the replica")
		default:
			good++
		}
	}
	least := 0
	if value, err := configured(ctx, n, "min-replicas-to-write"); err == nil {
		least, _ = strconv.Atoi(value)
	} else if n.info["min_slaves_good_slaves"] != "" { // said only if a minimum is set
		least = 1
	}
	e.compareReplicas(n, f, len(replicas), good, least)
}

func (e *exam) compareReplicas(n *node, f *findings, all, good, least int) {
	online := plural.Of(good, "replica is", "replicas are")
	switch {
	case good < least:
		f.add(Error, fmt.Sprintf("%sonly %s in step, but min-replicas-to-write is %d", e.at(n), online, least),
			"Redis refuses all writes (NOREPLICAS)", "start the replicas, or set a lower min-replicas-to-write")
	case all > 0 && least == 0:
		f.add(Warning, e.at(n)+"min-replicas-to-write is 0",
			"a master that is cut off from its replicas goes on taking records, and all of them are lost once a replica is promoted",
			"set min-replicas-to-write 1 and min-replicas-max-lag 10")
	}
	if want := e.cfg.ProducerWaitReplicas; good < want && (e.role == Producer || !e.cfg.IsDefault("PRODUCER_WAIT_REPLICAS")) {
		f.add(Error, fmt.Sprintf("%sonly %s in step, but PRODUCER_WAIT_REPLICAS is %d", e.at(n), online, want),
			"producers wait for ever", "start the replicas, or lower the setting")
	}
}

// replica is one as its master sees it.
type replica struct {
	addr, state string
	lag         int // seconds since it was last heard of
}

// replicasOf reads lines such as slave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=0.
func replicasOf(info map[string]string) (list []replica) {
	for i := 0; ; i++ {
		line, there := info["slave"+strconv.Itoa(i)]
		if !there {
			return list
		}
		field := map[string]string{}
		for part := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(part, "=")
			field[name] = value
		}
		lag, _ := strconv.Atoi(field["lag"])
		list = append(list, replica{addr: field["ip"] + ":" + field["port"], state: field["state"], lag: lag})
	}
}
