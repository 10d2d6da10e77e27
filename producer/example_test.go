package producer_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"ingestion/producer"
	"ingestion/producer/file"
	"ingestion/record"
)

// exampleClient returns a client for a new, empty Redis. The client must not retry
// commands itself.
func exampleClient() (client *redis.Client, closeBoth func()) {
	server, err := miniredis.Run()
	if err != nil {
		panic(err)
	}
	client = redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	return client, func() { client.Close(); server.Close() }
}

func ExamplePublisher() {
	client, closeBoth := exampleClient()
	defer closeBoth()
	publisher, err := producer.NewPublisher(client, producer.ToStream("customers", 4), producer.Options{
		OnWait: func(reason error, pause time.Duration) { fmt.Println("retrying in", pause, reason) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background() // the only limit on retries
	if err := publisher.Ready(ctx); err != nil {
		fmt.Println(err)
		return
	}
	receipts, err := publisher.Publish(ctx, [][]byte{
		[]byte(`{"customerId":"42","name":"Ada Lovelace","email":"ada@example.com","createdAt":"2024-01-02"}`),
		[]byte(`{"customerId":"7","name":"Alan Turing","email":"alan@example.com","createdAt":"2024-01-02"}`),
	})
	for _, r := range receipts {
		fmt.Println(r.Key, r.Queued)
	}
	fmt.Println(err)
	// Output:
	// customers:3 true
	// customers:2 true
	// <nil>
}

// Load rejects records that Validate refuses, and tells from which line to continue
// if it ends early.
func ExampleLoad() {
	client, closeBoth := exampleClient()
	defer closeBoth()
	publisher, err := producer.NewPublisher(client, producer.ToList("customers"), producer.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	text := strings.NewReader("customerId,name,email,createdAt\n" +
		"42,Ada Lovelace,ada@example.com,2024-01-02\n" +
		"7,Alan Turing,,2024-01-02\n")
	sum, err := producer.Load(context.Background(), text, publisher, producer.LoadOptions{
		Validate: func(body []byte) error { _, err := record.Decoder{}.Decode(body); return err },
		OnReject: func(line file.Line, reason error) { fmt.Printf("line %d: %v\n", line.Number, reason) },
	})
	fmt.Printf("%d sent, %d rejected, next line %d, %v\n", sum.Sent, sum.Rejected, sum.Next, err)
	// Output:
	// line 3: email: blank
	// 1 sent, 1 rejected, next line 4, <nil>
}

// A generated record comes with the outcome that a worker must log.
func ExampleGenerator() {
	generator, err := producer.NewGenerator(producer.GeneratorOptions{
		Customers: []string{"42"}, PerMinute: 60_000, InvalidRate: 0.5, Seed: 2, Count: 4,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = generator.Run(context.Background(), func(_ context.Context, batch []producer.Generated) error {
		for _, g := range batch {
			fmt.Println(g.Want)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// ingested
	// validation_failed
	// ingested
	// validation_failed
	// <nil>
}
