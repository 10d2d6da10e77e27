package streams_test

import (
	"testing"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// A call that fails in one partition is repeated for all of them.
func TestRepeatedCallsReleaseEachDeliveryOnce(t *testing.T) {
	for name, end := range map[string]func(*streams.Partitions, []streams.Delivery) error{
		"Settle": func(p *streams.Partitions, held []streams.Delivery) error {
			_, err := p.Settle(t.Context(), streamstest.All(record.Ingested, held))
			return err
		},
		"Nack":          func(p *streams.Partitions, held []streams.Delivery) error { return p.Nack(t.Context(), held) },
		"NackWithDelay": func(p *streams.Partitions, held []streams.Delivery) error { return p.NackWithDelay(t.Context(), held) },
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, env.AnyRedis(t))
			all := openStreams(t, client, "c", 2, nil)
			p, err := streams.NewPartitions(all, streams.PartitionsOptions{})
			must(t, err)
			add(t, client, "s:0", "one")
			add(t, client, "s:1", "other")
			held := streamstest.Receive(t, p, 2)
			ledger := client.HGetAll(t.Context(), "{s:1}:ledger").Val()
			must(t, client.Set(t.Context(), "{s:1}:ledger", "not a hash", 0).Err())
			for range 3 {
				if err := end(p, held); err == nil {
					t.Fatal("no error with a broken ledger")
				}
			}
			must(t, client.Del(t.Context(), "{s:1}:ledger").Err())
			must(t, client.HSet(t.Context(), "{s:1}:ledger", ledger).Err())
			must(t, end(p, held))
			for _, s := range all {
				if n := s.Held(); n != 0 {
					t.Errorf("%d deliveries held after the last call, want 0", n)
				}
			}
		})
	}
}
