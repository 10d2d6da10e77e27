package bench

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/bench/internal/load"
	"ingestion/bench/internal/sink"
	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

const (
	streamKey = "bench:stream"
	group     = "ingest-workers"
	inFlight  = 4 // batches, as WORKER_CONCURRENCY
	lease     = time.Minute
)

var loadStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// newRedis starts a redis-server without persistence and returns a client
// configured as the worker's.
func newRedis(tb testing.TB) redis.UniversalClient {
	tb.Helper()
	server := env.Redis(tb, env.WithConfig("appendonly", "no"))
	opts, err := redisconn.Parse(server.URL(), "")
	if err != nil {
		tb.Fatal(err)
	}
	client := redisconn.New(opts, inFlight+6)
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// newLimiter returns a limiter that admits the whole load.
func newLimiter(client redis.UniversalClient) *limiter.Limiter {
	return must(limiter.New(client, limiter.Config{
		Limit: 100, Window: time.Minute, Lateness: time.Hour, Bases: []string{streamKey},
	}))
}

// newStore returns a store on a counting sink.
func newStore(tb testing.TB) *store.Store {
	tb.Helper()
	counting, err := sink.Start(sink.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = counting.Close() })
	opts, err := store.ClientOptions(counting.URI())
	if err != nil {
		tb.Fatal(err)
	}
	client, err := mongo.Connect(opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return must(store.New(client.Database("bench").Collection("customers"), store.Options{}))
}

func newStream(client redis.UniversalClient, log *slog.Logger) *streams.Stream {
	return must(streams.NewStream(streams.StreamOptions{
		Client: client, Key: streamKey, Group: group, Consumer: "bench",
		PollTimeout: time.Second, ClaimIdle: lease, Retention: time.Hour,
		DeadLetters: streams.DeadLetterOptions{On: true, Worker: "bench"}, Log: log,
	}))
}

// fill adds n records to the stream.
func fill(tb testing.TB, client redis.UniversalClient, n int) {
	tb.Helper()
	single, ok := client.(*redis.Client)
	if !ok {
		tb.Fatalf("the load needs a client of one server, not %T", client)
	}
	if err := load.Fill(context.Background(), single, false, []string{streamKey}, n, load.Later); err != nil {
		tb.Fatal(err)
	}
}

// receive receives one full batch.
func receive(tb testing.TB, q streams.Queue) []streams.Delivery {
	batched, err := q.Receive(context.Background(), batch)
	if err != nil || len(batched) != batch {
		tb.Fatalf("received %d of %d: %v", len(batched), batch, err)
	}
	return batched
}

// goodRecords returns a batch of decoded records, each of another customer.
func goodRecords() []record.Record {
	records := make([]record.Record, 0, batch)
	for i := range math.MaxInt {
		if r, err := (record.Decoder{}).Decode([]byte(load.Body(i, loadStart, load.Later))); err == nil && i%100 != 99 {
			records = append(records, r)
		}
		if len(records) == batch {
			break
		}
	}
	return records
}

var members atomic.Uint64

// newMember returns a new _id.
func newMember() string { return fmt.Sprintf("%064x", members.Add(1)*0x9E3779B97F4A7C15) }

// must panics on errors that only a bug of the benchmark can cause.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
