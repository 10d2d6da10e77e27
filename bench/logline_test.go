package bench_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"ingestion/consumer"
	"ingestion/internal/logging"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// BenchmarkOutcomeLine runs good records through a consumer whose queue and
// store cost next to nothing, with the worker's own log and without. One
// iteration is one record: the difference between "logged" and "quiet" is the
// cost of its line, which may be at most 0.4 µs and no allocation.
func BenchmarkOutcomeLine(b *testing.B) {
	good := record.Record{ID: strings.Repeat("0a", 32), CustomerID: "customer-4711"}
	for _, c := range []struct {
		name    string
		level   slog.Level
		batches int // at once
	}{
		{"quiet", slog.LevelWarn, 1},
		{"logged", slog.LevelInfo, 1},
		{"logged, four batches at once", slog.LevelInfo, 4},
	} {
		b.Run(c.name, func(b *testing.B) {
			buffer := logging.NewBuffer(io.Discard, 64<<10, time.Hour)
			defer buffer.Close()
			worker := must(consumer.New(consumer.Options{
				Decode:      func([]byte) (record.Record, error) { return good, nil },
				Store:       accepting{},
				Log:         logging.New(buffer, "json", c.level, false),
				Flush:       buffer.Flush,
				BatchSize:   records,
				Concurrency: c.batches,
				MaxMessages: int64(b.N),
				Lease:       time.Hour,
			}))
			b.ReportAllocs()
			if err := worker.Run(b.Context(), newEndless()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// endless is a queue that is never empty. It returns the same deliveries again
// and again, copied because the consumer owns them.
type endless struct{ batch []streams.Delivery }

func newEndless() *endless {
	q := &endless{batch: make([]streams.Delivery, records)}
	for i := range q.batch {
		q.batch[i] = streams.Delivery{ID: fmt.Sprintf("1718000000000-%d", i), Deliveries: 1}
	}
	return q
}

func (q *endless) Receive(_ context.Context, most int) ([]streams.Delivery, error) {
	return append([]streams.Delivery(nil), q.batch[:min(most, records)]...), nil
}

func (q *endless) BeginAttempt(_ context.Context, d streams.Delivery) (streams.Delivery, bool, error) {
	return d, true, nil
}

func (q *endless) Settle(_ context.Context, settlements []streams.Settlement) (streams.Settled, error) {
	return streams.Settled{Count: len(settlements)}, nil
}

func (q *endless) Extend(context.Context, []streams.Delivery) ([]string, error) { return nil, nil }
func (q *endless) Nack(context.Context, []streams.Delivery) error               { return nil }
func (q *endless) Close(context.Context) error                                  { return nil }

// accepting is a store that inserts everything.
type accepting struct{}

func (accepting) Insert(_ context.Context, docs []store.Document) ([]store.Result, error) {
	results := make([]store.Result, len(docs))
	for i := range results {
		results[i].Outcome = record.Ingested
	}
	return results, nil
}

func (accepting) Owned(_ context.Context, docs []store.Document) ([]bool, error) {
	return make([]bool, len(docs)), nil
}
