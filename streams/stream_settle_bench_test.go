package streams_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
)

// BenchmarkSettleRefused settles batches of 500 records over their limit, without and with
// the count of the customers most refused.
func BenchmarkSettleRefused(b *testing.B) {
	server := env.Redis(b)
	client := redis.NewClient(&redis.Options{Addr: server.Addr, Protocol: 2, MaxRetries: -1})
	defer client.Close()
	next := 0
	for _, kind := range []struct {
		name     string
		customer func(i int) string
	}{
		{"uncounted", func(int) string { return "" }},
		{"of 5 customers", func(i int) string { return fmt.Sprint("customer ", i%5) }},
		{"of 500 other customers", func(int) string { next++; return fmt.Sprint("customer ", next) }},
	} {
		b.Run(kind.name, func(b *testing.B) {
			ctx := b.Context()
			must(b, client.FlushAll(ctx).Err())
			q, err := streams.NewStream(streams.StreamOptions{Client: client, Key: "s", Group: "g", Consumer: "c", PollTimeout: time.Second, ClaimIdle: time.Hour, Log: slog.New(slog.DiscardHandler)})
			must(b, err)
			took := time.Duration(0)
			for b.Loop() {
				b.StopTimer()
				s := make([]streams.Settlement, 0, 500)
				_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
					for range 500 {
						p.XAdd(ctx, &redis.XAddArgs{Stream: "s", Values: []any{"data", "x"}})
					}
					return nil
				})
				must(b, err)
				for len(s) < 500 {
					held, err := q.Receive(ctx, 500-len(s))
					must(b, err)
					for i := range held {
						s = append(s, streams.Settlement{Delivery: &held[i], Outcome: record.RateLimited, CustomerID: kind.customer(i)})
					}
				}
				b.StartTimer()
				begin := time.Now()
				_, err = q.Settle(ctx, s)
				took += time.Since(begin)
				must(b, err)
				b.StopTimer()
				must(b, client.XTrimMaxLen(ctx, "s", 0).Err())
				b.StartTimer()
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(took.Microseconds())/float64(b.N), "µs/batch")
		})
	}
}
