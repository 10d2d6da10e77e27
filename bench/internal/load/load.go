// Package load makes the records of the system benchmark: 98% good, 1%
// repeated, 1% bad, of 50,000 customers.
package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
)

// Customers is how many the records are of.
const Customers = 50_000

const page = 1000 // commands in one pipeline

// How many records later a good one comes again, for Body and Fill.
const (
	// AtOnce: mostly in the same batch.
	AtOnce = 1
	// Later: so many that, with a few batches of 500 under way, the two are never
	// of one batch and the first is mostly stored already. It keeps the
	// hundredths in step.
	Later = 5001
)

// Body is the n-th record of a load that began at start. Every hundredth is
// bad, every hundredth the repetition of a good one that many records before,
// or where there is none of the first.
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

// Good is how many of the first n records make a document.
func Good(n int) int { return n - Repeated(n) - Bad(n) }

// Repeated is how many of the first n records came before.
func Repeated(n int) int { return n / 100 }

// Bad is how many of the first n records can't be decoded.
func Bad(n int) int { return (n + 49) / 100 }

// Fill puts n records on the list or on the partitions of a stream, in random
// order of their times.
func Fill(ctx context.Context, client *redis.Client, list bool, keys []string, n, repeated int) error {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rand.Uint32()) * time.Second)
	for from := 0; from < n; from += page {
		pipe := client.Pipeline()
		for i := from; i < min(n, from+page); i++ {
			body := Body(i, start, repeated)
			if list {
				pipe.RPush(ctx, keys[0], body)
				continue
			}
			pipe.XAdd(ctx, &redis.XAddArgs{Stream: keys[home(body, len(keys))], Values: []any{"data", body}})
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
