package topology_test

import (
	"slices"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/record"
)

// TestSlotsAreMovedUnderLoad moves the hash slot of each partition from master to master
// while a producer and two workers use them. A partition may pause; no record is lost,
// stored twice, or judged by a window that was left behind.
func TestSlotsAreMovedUnderLoad(t *testing.T) {
	t.Parallel()
	cluster := env.Cluster(t, 3, true)
	r := newRig(t, cluster.URL(), "stream", "STREAM_PARTITIONS=6")
	workers := r.workers(2)
	records := people(size(t))
	producer := r.load(records)
	awaitQueued(t, producer, len(records)/10)
	r.ctl(0, "status")
	r.ctl(0, "reconcile")

	moves := moveAround(t, cluster, producer)
	wantExit(t, producer, 0)
	a := r.reconcile("--documents")
	if a.code != 0 {
		t.Errorf("reconcile ends with %d:\n%s", a.code, a.text)
	}
	lost := r.compare(records)
	t.Logf("%d records; %d moves of a partition's slot under load, median %v, longest %v; %d entries added, %d ingested, %d duplicates of records sent twice; %d lost; the workers waited %d times",
		len(records), len(moves), moves[len(moves)/2].Round(time.Millisecond), moves[len(moves)-1].Round(time.Millisecond), a.Total.Added,
		a.Total.Outcomes["ingested"], a.Total.Outcomes["duplicate"], lost, logged("retrying", workers...))
	if lost > 0 || a.Total.Outcomes["ingested"] != int64(len(records)) || a.Total.Added != int64(len(records))+a.Total.Outcomes["duplicate"] {
		t.Errorf("%d records are lost of %d: %+v", lost, len(records), a)
	}
	if len(moves) < partitions {
		t.Errorf("only %d moves before the load ended", len(moves))
	}
	r.stop(workers...)
}

// moveAround moves the slots, one after the other, until the producer has ended. It
// returns how long each took, in ascending order.
func moveAround(t *testing.T, cluster *env.RedisCluster, producer *env.Proc) []time.Duration {
	t.Helper()
	keys := record.PartitionKeys(streamKey, partitions)
	at := make([]int, len(keys))
	for i, key := range keys {
		at[i] = int(cluster.Slot(key)) * len(cluster.Masters) / 16384
	}
	var took []time.Duration
	for n := 0; ; n++ {
		i := n % len(keys)
		begun := time.Now()
		next := (at[i] + 1) % len(cluster.Masters)
		cluster.Move(keys[i], at[i], next)
		at[i] = next
		select {
		case <-producer.Done():
			slices.Sort(took)
			return took
		default:
			took = append(took, time.Since(begun))
		}
	}
}
