package streams_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

func TestPartitionsOfACluster(t *testing.T) {
	cluster := env.Cluster(t, 2, false)
	opts, err := redisconn.Parse(cluster.URL(), "")
	must(t, err)
	const n = 80 // more than are waited for at a time
	client := redisconn.New(opts, streams.MaxWatches+8)
	t.Cleanup(func() { _ = client.Close() })
	q := openPartitions(t, client, "c", n, streams.PartitionsOptions{}, nil)
	if got, err := q.Receive(t.Context(), 10); len(got) > 0 || err != nil {
		t.Fatal(got, err)
	}
	var waits []time.Duration
	for i := range 30 {
		add(t, client, fmt.Sprintf("s:%d", i*37%n), fmt.Sprint(i))
		begun := time.Now()
		got := streamstest.Receive(t, q, 1)
		waits = append(waits, time.Since(begun))
		if done := settleAll(t, q, record.Ingested, got); done.Count != 1 || string(got[0].Body) != fmt.Sprint(i) {
			t.Fatalf("%q: settled %+v", got[0].Body, done)
		}
	}
	slices.Sort(waits)
	if median := waits[len(waits)/2]; median > 150*time.Millisecond {
		t.Errorf("the median wait is %v", median)
	}

	// Prefetched entries are leased, and nacked by Close.
	for p := range n {
		add(t, client, fmt.Sprintf("s:%d", p), fmt.Sprint(p))
	}
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 1))
	must(t, q.Close(t.Context()))
	other := openPartitions(t, client, "other", n, streams.PartitionsOptions{}, nil)
	for _, d := range streamstest.Receive(t, other, n-1) {
		if d.Deliveries != 1 {
			t.Errorf("%q was delivered %d times, want 1", d.Body, d.Deliveries)
		}
	}
	must(t, other.Close(t.Context()))
}
