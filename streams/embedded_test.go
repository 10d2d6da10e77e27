package streams_test

import (
	"testing"
	"time"

	"ingestion/internal/embedded"
	"ingestion/internal/redisconn"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// The embedded Redis lacks much of XINFO: the lease has to hold there too.
func TestTheLeaseIsRenewedOnTheEmbeddedRedis(t *testing.T) {
	server, err := embedded.StartRedis(t.Context(), "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, server.Close()) })
	parsed, err := redisconn.Parse(server.URL(), "")
	must(t, err)
	client := redisconn.New(parsed, 5)
	t.Cleanup(func() { must(t, client.Close()) })
	open := func(consumer string) *streams.Stream {
		opts := streamOptions(client, consumer)
		shortLease(&opts)
		return streams.NewStream(opts)
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
			t.Fatalf("the lease ran out while it was renewed: lost %v, taken over %v", lost, got)
		}
	}
}
