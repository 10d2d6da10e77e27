package bench_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/limiter"
)

// BenchmarkLimiterMemory says what a full window takes of Redis' memory: one of
// each limit by MEMORY USAGE, and a million customers' at once by INFO. Its time
// means nothing: run it with -benchtime 1x.
func BenchmarkLimiterMemory(b *testing.B) {
	for _, limit := range []int{5, 100, 10_000} {
		b.Run(fmt.Sprintf("limit %d", limit), func(b *testing.B) {
			for b.Loop() {
				client := fullWindows(b, 1, limit)
				bytes := client.MemoryUsage(b.Context(), "{ours}:limit:customer-0", 0).Val()
				b.ReportMetric(float64(bytes), "bytes/customer")
				b.ReportMetric(float64(bytes)/float64(limit), "bytes/place")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
	const million = 1_000_000
	for _, limit := range []int{1, 5} {
		b.Run(fmt.Sprintf("a million customers, %d places each", limit), func(b *testing.B) {
			for b.Loop() {
				client := fullWindows(b, million, limit)
				bytes := used(b, client) - used(b, fullWindows(b, 0, limit))
				b.ReportMetric(float64(bytes)/million, "bytes/customer")
				b.ReportMetric(float64(bytes)/(1<<20), "MiB")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// fullWindows is a Redis with the windows of so many customers, all full.
func fullWindows(b *testing.B, customers, limit int) *redis.Client {
	b.Helper()
	client := env.Redis(b, env.WithConfig("appendonly", "no")).Client(b)
	l := must(limiter.New(client, limiter.Config{Limit: limit, Window: minute, Lateness: time.Hour, Bases: []string{"ours"}}))
	now := time.Now().UnixMilli()
	var batch []limiter.Request
	judge := func() {
		if _, err := l.Judge(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
		batch = batch[:0]
	}
	for c := range customers {
		for i := range limit {
			batch = append(batch, limiter.Request{
				CustomerID: "customer-" + strconv.Itoa(c),
				Member:     fmt.Sprintf("%064x", c*limit+i),
				At:         now - minute.Milliseconds() + int64(i+1)*minute.Milliseconds()/int64(limit),
			})
			if len(batch) == records {
				judge()
			}
		}
	}
	judge()
	return client
}

func used(b *testing.B, client *redis.Client) int64 {
	b.Helper()
	n, err := strconv.ParseInt(client.InfoMap(b.Context(), "memory").Item("Memory", "used_memory"), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}
