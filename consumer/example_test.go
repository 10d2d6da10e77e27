package consumer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"ingestion/consumer"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// sliceQueue delivers each body once. It has only the methods that the examples need; a
// program would use one of the queues of package streams.
type sliceQueue struct {
	streams.Queue
	bodies [][]byte
}

func (q *sliceQueue) Receive(_ context.Context, max int) (deliveries []streams.Delivery, err error) {
	n := min(max, len(q.bodies))
	for _, body := range q.bodies[:n] {
		deliveries = append(deliveries, streams.Delivery{Body: body})
	}
	q.bodies = q.bodies[n:]
	return deliveries, nil
}

func (q *sliceQueue) Settle(_ context.Context, settlements []streams.Settlement) (streams.Settled, error) {
	return streams.Settled{Count: len(settlements)}, nil
}

func (q *sliceQueue) Close(context.Context) error { return nil }

// printer is a store that prints documents. A program would use package store instead.
type printer struct{}

func (printer) Insert(_ context.Context, docs []store.Document) ([]store.Result, error) {
	results := make([]store.Result, len(docs))
	for i, doc := range docs {
		fmt.Println("stored", doc.Record.Name)
		results[i].Outcome = record.Ingested
	}
	return results, nil
}

func (printer) Owned(_ context.Context, docs []store.Document) ([]bool, error) {
	return make([]bool, len(docs)), nil
}

// twoEach is a limiter that admits two records of each customer. A program would use
// package limiter instead.
type twoEach map[string]int

func (admitted twoEach) Judge(_ context.Context, requests []limiter.Request) ([]limiter.Verdict, error) {
	verdicts := make([]limiter.Verdict, len(requests))
	for i, request := range requests {
		verdicts[i] = limiter.Verdict{Decision: limiter.Admitted}
		if admitted[request.CustomerID]++; admitted[request.CustomerID] > 2 {
			verdicts[i] = limiter.Verdict{Decision: limiter.Refused, Limit: limiter.Limit{Records: 2, Window: time.Hour}}
		}
	}
	return verdicts, nil
}

// decodeName accepts JSON objects with a name, for example {"name": "Ann"}.
func decodeName(body []byte) (record.Record, error) {
	var fields struct{ Name string }
	if err := json.Unmarshal(body, &fields); err != nil {
		return record.Record{}, err
	}
	if fields.Name == "" {
		return record.Record{}, &record.Refusal{Outcome: record.Invalid, Reason: "name: missing"}
	}
	return record.Record{ID: fields.Name, CustomerID: fields.Name, Name: fields.Name}, nil
}

// newLogger returns a logger to standard output that leaves out the time.
func newLogger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// A consumer processes a queue until its context ends or MaxMessages are settled. Every
// delivery has one outcome and one line in the log.
func ExampleConsumer() {
	c, err := consumer.New(consumer.Options{
		Decode:      decodeName, // a program would use record.Decoder
		Store:       printer{},
		Log:         newLogger(),
		BatchSize:   100,
		Concurrency: 4,
		MaxMessages: 3,
	})
	if err != nil {
		panic(err)
	}
	queue := sliceQueue{bodies: [][]byte{[]byte(`{"name": "Ann"}`), []byte(`{}`), []byte(`{"name": "Bob"}`)}}
	if err := c.Run(context.Background(), &queue); err != nil {
		panic(err)
	}
	// Output:
	// stored Ann
	// stored Bob
	// level=INFO msg=ingested status=success customerId=Ann _id=Ann
	// level=ERROR msg=validation_failed status=error reason="name: missing"
	// level=INFO msg=ingested status=success customerId=Bob _id=Bob
}

// A limiter decides between decoding and inserting. What it refuses is settled without
// being stored.
func ExampleLimiter() {
	c, err := consumer.New(consumer.Options{
		Decode:      decodeName,
		Limiter:     twoEach{},
		Store:       printer{},
		Log:         newLogger(),
		BatchSize:   100,
		Concurrency: 4,
		MaxMessages: 3,
	})
	if err != nil {
		panic(err)
	}
	queue := sliceQueue{bodies: slices.Repeat([][]byte{[]byte(`{"name": "Ann"}`)}, 3)}
	if err := c.Run(context.Background(), &queue); err != nil {
		panic(err)
	}
	// Output:
	// stored Ann
	// stored Ann
	// level=INFO msg=ingested status=success customerId=Ann _id=Ann
	// level=INFO msg=ingested status=success customerId=Ann _id=Ann
	// level=ERROR msg=rate_limited status=error customerId=Ann _id=Ann reason="Rate limit exceeded: this customer is limited to 2 records in 1h0m0s"
}

// A gate that is shut for several causes opens when the last one is gone.
func ExampleGate() {
	gate := consumer.NewGate() // for Options.Gate
	down, full := consumer.Cause{Kind: consumer.MongoDown}, consumer.Cause{Kind: consumer.RedisFull}
	gate.Shut(down, "MongoDB does not answer")
	gate.Shut(full, "Redis is at maxmemory")
	fmt.Println(gate.Reason())
	gate.Open(down)
	fmt.Println(gate.Reason())
	gate.Open(full)
	fmt.Println(gate.Wait(context.Background()))
	// Output:
	// MongoDB does not answer; Redis is at maxmemory
	// Redis is at maxmemory
	// <nil>
}
