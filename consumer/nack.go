package consumer

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"ingestion/streams"
)

// returns gathers the batches that a shutdown hands back to a queue without
// leases. They end in any order, but a list has to get them back in its own.
type returns struct {
	mu      sync.Mutex
	next    int
	batches map[int][]streams.Delivery // by their place in the order of reading
}

func newReturns() *returns { return &returns{batches: map[int][]streams.Delivery{}} }

// place is that of the batch read last. It is called by the reader.
func (r *returns) place() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	return r.next
}

func (r *returns) add(place int, open []streams.Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batches[place] = open
}

// handBackAll hands the batches back from the last one to the first: each is
// put before those that were read after it.
func (c *Consumer) handBackAll(ctx context.Context, q streams.Queue, r *returns) {
	places := make([]int, 0, len(r.batches))
	for place := range r.batches {
		places = append(places, place)
	}
	slices.Sort(places)
	ctx, cancel := lastWords(ctx)
	defer cancel()
	for _, place := range slices.Backward(places) {
		c.handBack(ctx, q, r.batches[place])
	}
}

// lastWords is a short time for what has to be said to the queue after ctx.
func lastWords(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), handBackTimeout)
}

// handBack returns deliveries that have no outcome.
func (c *Consumer) handBack(ctx context.Context, q streams.Queue, open []streams.Delivery) {
	err := c.troubles.insist(ctx, "Redis", func() error { return q.Nack(ctx, open) })
	if err != nil {
		c.giveUp(fmt.Errorf("%d deliveries could not be handed back: %w", len(open), err))
	}
}
