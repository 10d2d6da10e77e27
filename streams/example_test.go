package streams_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/embedded"
	"ingestion/record"
	"ingestion/streams"
)

// A worker receives the entries of a stream and settles them.
func ExampleStream() {
	ctx := context.Background()
	client, stop := exampleRedis(ctx)
	defer stop()
	client.XAdd(ctx, &redis.XAddArgs{Stream: "records", Values: []any{"data", `{"customerId": "1"}`}})

	stream, err := streams.NewStream(streams.StreamOptions{
		Client: client, Key: "records", Group: "workers", Consumer: "worker-1",
		PollTimeout: time.Second, ClaimIdle: time.Minute, Retention: time.Hour,
	})
	if err != nil {
		log.Fatal(err)
	}
	deliveries, err := stream.Receive(ctx, 100)
	if err != nil {
		log.Fatal(err)
	}
	var outcomes []streams.Settlement
	for i := range deliveries {
		fmt.Printf("received %s, delivery %d\n", deliveries[i].Body, deliveries[i].Deliveries)
		outcomes = append(outcomes, streams.Settlement{Delivery: &deliveries[i], Outcome: record.Ingested})
	}
	settled, err := stream.Settle(ctx, outcomes)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("settled %d\n", settled.Count)
	if err := stream.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// received {"customerId": "1"}, delivery 1
	// settled 1
}

// A record that can't be processed for now returns to the head of the list.
func ExampleList_Nack() {
	ctx := context.Background()
	client, stop := exampleRedis(ctx)
	defer stop()
	client.RPush(ctx, "records", "first", "second")

	list, err := streams.NewList(streams.ListOptions{Client: client, Key: "records", PollTimeout: time.Second})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		deliveries, err := list.Receive(ctx, 1)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("received %s\n", deliveries[0].Body)
		if err := list.Nack(ctx, deliveries); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// received first
	// received first
}

// Refused records become dead letters, which an operator reads and replays.
func ExampleDeadLetters() {
	ctx := context.Background()
	client, stop := exampleRedis(ctx)
	defer stop()
	client.RPush(ctx, "records", "no record")

	list, err := streams.NewList(streams.ListOptions{
		Client: client, Key: "records", PollTimeout: time.Second,
		DeadLetters: streams.DeadLetterOptions{On: true, Worker: "worker-1"},
	})
	if err != nil {
		log.Fatal(err)
	}
	deliveries, err := list.Receive(ctx, 1)
	if err != nil {
		log.Fatal(err)
	}
	_, err = list.Settle(ctx, []streams.Settlement{{Delivery: &deliveries[0], Outcome: record.Malformed, Reason: "not a JSON object"}})
	if err != nil {
		log.Fatal(err)
	}

	letters := streams.NewListDeadLetters(client, "records")
	var ids []string
	for letter, err := range letters.Letters(ctx, false) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s: %s\n", letter.Data, letter.Event, letter.Reason)
		ids = append(ids, letter.ID)
	}
	n, err := letters.Replay(ctx, ids)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("replayed %d\n", n)
	// Output:
	// no record: parse_error: not a JSON object
	// replayed 1
}

// exampleRedis starts a Redis of the example's own.
func exampleRedis(ctx context.Context) (client redis.UniversalClient, stop func()) {
	server, err := embedded.StartRedis(ctx, "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	client, err = streams.NewClient(server.URL(), 10)
	if err != nil {
		log.Fatal(err)
	}
	return client, func() {
		_ = client.Close()
		_ = server.Close()
	}
}
