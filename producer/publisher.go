package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

const (
	defaultBatch = 500
	// pipelineBytes ends a pipeline early, so that neither side buffers much
	// however large the bodies are.
	pipelineBytes = 4 << 20

	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

// Receipt tells what became of one body.
type Receipt struct {
	Queued   bool   // Redis, and as many replicas as asked for, confirmed it
	Key      string // the list or stream that it went to
	StreamID string // the entry's ID; empty for a list
}

// Options are the settings of a Publisher; the zero value of each is usable.
type Options struct {
	// Batch is the number of records in one pipeline at most; 0 means 500.
	Batch int
	// Replicas must confirm each batch before it counts as queued
	// (PRODUCER_WAIT_REPLICAS); 0 waits for none.
	Replicas int
	// OnWait is told why Publish or Ready waits, before each pause. It is
	// called by the goroutine that waits.
	OnWait func(reason error, pause time.Duration)
}

// Publisher writes bodies to the queue. It is safe for concurrent use; bodies
// of different calls may interleave. It does not own the client.
type Publisher struct {
	client redis.UniversalClient
	target Target
	keys   []string
	opts   Options
}

// NewPublisher returns a Publisher that writes to target. The client should not
// retry commands by itself: Publish does, and knows what is still open.
func NewPublisher(client redis.UniversalClient, target Target, opts Options) *Publisher {
	if opts.Batch <= 0 {
		opts.Batch = defaultBatch
	}
	if opts.OnWait == nil {
		opts.OnWait = func(error, time.Duration) {}
	}
	return &Publisher{client: client, target: target, keys: target.Keys(), opts: opts}
}

// Ready waits until Redis answers and makes sure that each key is of the right
// type or not there yet. It tries again until ctx ends; an error that a setting
// causes is a *Fault and comes at once.
func (p *Publisher) Ready(ctx context.Context) error {
	return p.persist(ctx, func() error {
		for _, key := range p.keys {
			found, err := p.client.Type(ctx, key).Result()
			if redis.IsPermissionError(err) {
				continue // a user that may write only; writing will show the type
			}
			if err != nil {
				return p.judge(err, key)
			}
			if found != "none" && found != p.target.kind() {
				return backoff.Permanent(wrongType(p.target, key, found))
			}
		}
		return nil
	})
}

// Publish writes the bodies in order and returns a receipt for each, in the
// same order. It blocks while Redis is away, full, read-only or loading, and
// goes on when it is back; bodies whose reply was lost are sent again
// (at-least-once). It returns early only when ctx ends (the error wraps ctx's
// cause and the reason of the wait) or a setting is wrong (*Fault); the receipts then say
// which bodies are queued for certain. A batch under way when ctx ends is
// finished first, within the client's time-outs.
func (p *Publisher) Publish(ctx context.Context, bodies [][]byte) ([]Receipt, error) {
	receipts := make([]Receipt, len(bodies))
	for from := 0; from < len(bodies); {
		to := p.batchEnd(bodies, from)
		if err := p.publishBatch(ctx, bodies[from:to], receipts[from:to]); err != nil {
			return receipts, err
		}
		from = to
	}
	return receipts, nil
}

// batchEnd is where the batch that begins at from ends; it has at least one body.
func (p *Publisher) batchEnd(bodies [][]byte, from int) int {
	size, to := 0, from
	for to < len(bodies) && to-from < p.opts.Batch {
		size += len(bodies[to])
		if to > from && size > pipelineBytes {
			break
		}
		to++
	}
	return to
}

func (p *Publisher) publishBatch(ctx context.Context, bodies [][]byte, receipts []Receipt) error {
	for i, body := range bodies {
		receipts[i].Key = p.keys[p.target.home(body)]
	}
	return p.persist(ctx, func() error {
		if p.opts.Replicas > 0 {
			return p.sendReplicated(ctx, bodies, receipts)
		}
		return p.send(ctx, p.client, bodies, receipts, openOnes(receipts))
	})
}

// persist repeats try, with growing pauses, until it succeeds, fails for good
// or ctx ends; then the error wraps both ctx's cause and that of the last try.
func (p *Publisher) persist(ctx context.Context, try func() error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var last error
	err := backoff.RetryNotify(func() error {
		last = try()
		return last
	}, backoff.WithContext(pauses(), ctx), p.opts.OnWait)
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("%w: %w", context.Cause(ctx), last)
	}
	return err
}

func pauses() backoff.BackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = firstPause, longestPause
	b.MaxElapsedTime = 0 // never give up by itself
	b.Reset()
	return b
}

// judge tells apart what a setting causes, what time heals, and the rest.
func (p *Publisher) judge(err error, key string) error {
	if f := faultOf(err, p.target, key); f != nil {
		return backoff.Permanent(f)
	}
	if redisconn.Misdirected(p.client, err) {
		return backoff.Permanent(redisFault(err, redisconn.OneOfCluster))
	}
	if !transient(err) {
		return backoff.Permanent(fmt.Errorf("writing to the key %q: Redis refuses: %w", key, err))
	}
	return explain(err)
}
