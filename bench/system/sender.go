package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// senders is the maximum number of concurrent XADDs: enough that a slow one
// does not delay the next records.
const senders = 64

// send adds records at a steady rate, each when it is due, without waiting for
// the previous ones.
func send(ctx context.Context, client *redis.Client, rate, total int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	due := make(chan time.Time)
	var wait sync.WaitGroup
	for range senders {
		wait.Go(func() {
			for at := range due {
				if err := sendOne(ctx, client, at); err != nil {
					cancel(fmt.Errorf("adding a record: %w", err))
				}
			}
		})
	}
	begin := time.Now()
	for n := range total {
		at := begin.Add(time.Duration(n) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(at))
		if ctx.Err() != nil {
			break
		}
		due <- at
	}
	close(due)
	wait.Wait()
	return context.Cause(ctx)
}

// sendOne adds a record whose name holds the times when it was due and sent.
func sendOne(ctx context.Context, client *redis.Client, due time.Time) error {
	return addTo(ctx, client, streamKey, due)
}

func addTo(ctx context.Context, client *redis.Client, key string, due time.Time) error {
	now := time.Now()
	body := fmt.Sprintf(`{"customerId":"c-%d","name":"%d %d","email":"ada@mail-host.org","createdAt":"2026-01-01T00:00:00Z"}`,
		due.UnixNano(), due.UnixNano(), now.UnixNano())
	return client.XAdd(ctx, &redis.XAddArgs{Stream: key, Values: []any{"data", body}}).Err()
}
