package streams_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/embedded"
	"ingestion/internal/redisconn"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// The embedded Redis lacks parts of XINFO.
func TestExtendOnTheEmbeddedRedis(t *testing.T) {
	client := newEmbedded(t)
	open := func(consumer string) *streams.Stream {
		opts := streamOptions(client, consumer)
		shortLease(&opts)
		return newStream(t, opts)
	}
	slow, other := open("slow"), open("other")
	push(t, client, "record")
	held := streamstest.Receive(t, slow, 1)
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		lost, err := slow.Extend(t.Context(), held)
		must(t, err)
		got, err := other.Receive(t.Context(), 1)
		must(t, err)
		if len(lost)+len(got) > 0 {
			t.Fatalf("the lease expired while it was extended: lost %v, claimed %v", lost, got)
		}
	}
}

func newEmbedded(t *testing.T) redis.UniversalClient {
	t.Helper()
	server, err := embedded.StartRedis(t.Context(), "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, server.Close()) })
	parsed, err := redisconn.Parse(server.URL(), "")
	must(t, err)
	client := redisconn.New(parsed, 5)
	t.Cleanup(func() { must(t, client.Close()) })
	return client
}

// There XAUTOCLAIM raises the delivery count and keeps deleted entries pending.
func TestClaimOnTheEmbeddedRedis(t *testing.T) {
	client := newEmbedded(t)
	ids := []string{push(t, client, "deleted"), push(t, client, "stays"), push(t, client, "stays")}
	left := 3
	for deliveries, consumer := range []string{"first", "second", "third", "fourth"} {
		opts := streamOptions(client, consumer)
		shortLease(&opts)
		held := streamstest.Receive(t, newStream(t, opts), left)
		for _, d := range held {
			if d.Deliveries != int64(deliveries+1) {
				t.Errorf("%s received delivery %[3]d of %[2]s, want %[4]d", consumer, d.Body, d.Deliveries, deliveries+1)
			}
		}
		if deliveries == 0 {
			must(t, client.XDel(t.Context(), "s", ids[0]).Err())
			left = 2
		}
	}
}

// TestExtendOfDeletedEntriesOnTheEmbeddedRedis counts them as missing, and settling corrects that.
func TestExtendOfDeletedEntriesOnTheEmbeddedRedis(t *testing.T) {
	client := newEmbedded(t)
	q := newStream(t, streamOptions(client, "c"))
	must(t, q.Open(t.Context()))
	id := push(t, client, "deleted")
	held := streamstest.Receive(t, q, 1)
	must(t, client.XDel(t.Context(), "s", id).Err())
	for _, step := range []struct {
		do              func() error
		missing, wanted string
	}{
		{func() error { _, err := q.Extend(t.Context(), held); return err }, "1", ""},
		{func() error { _, err := q.Extend(t.Context(), held); return err }, "1", ""},
		{func() error { _, err := q.Settle(t.Context(), streamstest.All(record.Ingested, held)); return err }, "0", "1"},
	} {
		must(t, step.do())
		missing, ingested := client.HGet(t.Context(), "{s}:ledger", "missing").Val(), client.HGet(t.Context(), "{s}:ledger", "ingested").Val()
		if missing != step.missing || ingested != step.wanted {
			t.Errorf("%s missing, %s ingested, want %s and %s", missing, ingested, step.missing, step.wanted)
		}
	}
}
