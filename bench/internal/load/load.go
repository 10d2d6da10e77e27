// Package load makes the records of the benchmarks: 98% good, 1% repeated, 1%
// bad, of 50,000 customers.
package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
)

// Customers is the number of customers.
const Customers = 50_000

const page = 1000 // commands in one pipeline

// After how many records a good one is repeated, for Body and Fill.
const (
	// AtOnce repeats it at once, mostly in the same batch.
	AtOnce = 1
	// Later repeats it so much later that, with a few batches of 500 in flight,
	// the two are never in one batch and the first is usually stored already.
	// It is 1 modulo 100, since every hundredth record is bad or repeated.
	Later = 5001
)

// Body returns the n-th record of a load that began at start. One in a hundred
// is bad, and one repeats the good record that many records before, or the
// first one if there is none.
func Body(n int, start time.Time, repeated int) string {
	switch n % 100 {
	case 50:
		return `{"customerId":"` // cut off
	case 99:
		n = max(n-repeated, 0)
	}
	customer := n % Customers
	at := start.Add(time.Duration(n) * time.Millisecond).UTC()
	return fmt.Sprintf(`{"customerId":"customer-%d","name":"Ada Lovelace %d","email":"ada.%d@mail-host.org","createdAt":"%s"}`,
		customer, customer, customer, at.Format("2006-01-02T15:04:05.000Z"))
}

// Good returns how many of the first n records result in a document.
func Good(n int) int { return n - Repeated(n) - Bad(n) }

// Repeated returns how many of the first n records are repetitions.
func Repeated(n int) int { return n / 100 }

// Bad returns how many of the first n records cannot be decoded.
func Bad(n int) int { return (n + 49) / 100 }

// Fill adds n records to the list or to the partitions of a stream, in random
// order of their times. A stream's entries also have the given fields, names and
// values in turn.
func Fill(ctx context.Context, client redis.Cmdable, list bool, keys []string, n, repeated int, fields ...any) error {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rand.Uint32()) * time.Second)
	for from := 0; from < n; from += page {
		pipe := client.Pipeline()
		for i := from; i < min(n, from+page); i++ {
			body := Body(i, start, repeated)
			if list {
				pipe.RPush(ctx, keys[0], body)
				continue
			}
			pipe.XAdd(ctx, &redis.XAddArgs{Stream: keys[home(body, len(keys))], Values: append([]any{"data", body}, fields...)})
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return fmt.Errorf("filling the queue: %w", err)
		}
	}
	return nil
}

func home(body string, partitions int) int {
	customer, ok := record.PeekCustomerID([]byte(body))
	if !ok || partitions == 1 {
		return 0
	}
	return record.HomePartition(customer, partitions)
}
