package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
)

// TestPartitions spreads a load over three streams, a part of it to the wrong
// ones. Every record is processed where it is, and each customer has one
// window, in its home partition.
func TestPartitions(t *testing.T) {
	t.Parallel()
	const partitions = 3
	f := newFixture(18, 600)
	r := newHarness(t, stream, fmt.Sprintf("STREAM_PARTITIONS=%d", partitions), "BATCH_SIZE=20")
	perKey := make([]int, partitions)
	for i, s := range f.records {
		p := record.HomePartition(s.customerID, partitions)
		if i%4 == 0 {
			p = i / 4 % partitions
		}
		perKey[p]++
		r.feedPartition(p, i, s.body)
	}
	worker := r.start()
	r.awaitTotal(len(f.records))
	env.Eventually(t, soon, func() (bool, string) {
		pending := r.pendingOf(partitionKey(0)) + r.pendingOf(partitionKey(1)) + r.pendingOf(partitionKey(2))
		return pending == 0, fmt.Sprintf("%d entries are pending", pending)
	})
	r.stop(worker)
	r.wantLog(f)
	r.wantOneOutcome(f)
	r.wantDocuments(f)
	for p, n := range perKey {
		r.wantPartition(p, n)
	}
}

// feedPartition adds an entry whose ID is unique over all partitions, so that
// the log tells them apart.
func (r *harness) feedPartition(p, number int, body string) {
	r.t.Helper()
	id := fmt.Sprintf("%d-%d", time.Now().UnixMilli(), number)
	if err := r.client.XAdd(r.ctx(), &redis.XAddArgs{Stream: partitionKey(p), ID: id, Values: []any{"data", body}}).Err(); err != nil {
		r.t.Fatal(err)
	}
	r.numbers[id] = number
	r.fed = append(r.fed, id)
}

func partitionKey(p int) string { return fmt.Sprintf("%s:%d", streamKey, p) }

// wantPartition checks that the partition's ledger counts its n entries and
// that it has no window of another partition's customer.
func (r *harness) wantPartition(p, n int) {
	r.t.Helper()
	ledger := r.ledger(partitionKey(p))
	settled := 0
	for name := range outcomes {
		settled += int(ledger[name])
	}
	if settled != n {
		r.t.Errorf("partition %d has settled %d of %d entries", p, settled, n)
	}
	prefix := "{" + partitionKey(p) + "}:limit:"
	keys, err := r.client.Keys(r.ctx(), prefix+"*").Result()
	if err != nil {
		r.t.Fatal(err)
	}
	if len(keys) == 0 {
		r.t.Errorf("partition %d has no window", p)
	}
	for _, key := range keys {
		if home := record.HomePartition(key[len(prefix):], 3); home != p {
			r.t.Errorf("%s belongs to partition %d", key, home)
		}
	}
}
