package producer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/retry"
)

// DefaultBatch is the usual number of records in a pipeline.
const DefaultBatch = 500

// pipelineBytes limits a pipeline so that neither side buffers much, however
// large the bodies are.
const pipelineBytes = 4 << 20

// pauses are those between attempts to write.
var pauses = retry.Policy{Initial: 100 * time.Millisecond, Max: 2 * time.Second}

// Receipt is the result of publishing one body.
type Receipt struct {
	Queued   bool   // Redis confirmed it, and as many replicas as requested
	Key      string // the list or stream it was written to
	StreamID string // the entry's ID; empty for a list
}

// Options configures a Publisher. The zero value is ready for use.
type Options struct {
	// Batch is the maximum number of records in one pipeline; 0 means 500.
	Batch int
	// Replicas is the number of replicas that must confirm a batch before its
	// records count as queued; then the server must also still be the master. It may
	// be 0. A failover loses no record that counts as queued if all replicas must
	// confirm; with fewer, one that lacks it may be promoted.
	Replicas int
	// OnWait, if not nil, is called before each pause of Publish and Ready with
	// the reason, in the goroutine that called them.
	OnWait func(reason error, pause time.Duration)
	// Tracer, if not nil, follows the records to the queue.
	Tracer Tracer
}

// Tracer follows batches on their way to the queue. Its methods are safe for concurrent
// use.
type Tracer interface {
	// Begin is called before a batch is sent, and may set the trace contexts of its
	// messages. The function that it returns is called once: when the batch is queued,
	// or given up because of an error.
	Begin(ctx context.Context, batch []Message) (end func([]Receipt, error))
}

func (o *Options) check(client redis.UniversalClient) error {
	var faults []error
	if o.Batch < 0 {
		faults = append(faults, fmt.Errorf("the batch size %d is negative", o.Batch))
	}
	if o.Replicas < 0 {
		faults = append(faults, fmt.Errorf("the number of replicas %d is negative", o.Replicas))
	}
	if o.Replicas > 0 {
		switch client.(type) {
		case *redis.Client, *redis.ClusterClient:
		default:
			faults = append(faults, fmt.Errorf("can't wait for replicas through a %T", client))
		}
	}
	return errors.Join(faults...)
}

// Publisher writes records to the queue. It is safe for concurrent use; records
// from concurrent calls may interleave. It does not close the client.
type Publisher struct {
	client redis.UniversalClient
	target Target
	keys   []string
	opts   Options

	mu       sync.Mutex
	replicas map[string]int // how many a master had, by the ID of its history
	deposed  bool           // a master has ceased to be one
}

// NewPublisher returns a Publisher that writes to target. The client should not
// retry commands itself (MaxRetries: -1), because Publish does and knows which
// records are not yet confirmed.
func NewPublisher(client redis.UniversalClient, target Target, opts Options) (*Publisher, error) {
	if client == nil {
		return nil, errors.New("producer: the client is nil")
	}
	if err := errors.Join(target.check(), opts.check(client)); err != nil {
		return nil, fmt.Errorf("producer: %w", err)
	}
	if opts.Batch == 0 {
		opts.Batch = DefaultBatch
	}
	if opts.OnWait == nil {
		opts.OnWait = func(error, time.Duration) {}
	}
	return &Publisher{client: client, target: target, keys: target.Keys(), opts: opts, replicas: map[string]int{}}, nil
}

// Ready waits until Redis answers, and checks that each key has the right type or
// does not exist. It retries until ctx ends. If the configuration is wrong it
// returns a *Fault at once.
func (p *Publisher) Ready(ctx context.Context) error {
	return p.retry(ctx, func() error {
		for _, key := range p.keys {
			found, err := p.client.Type(ctx, key).Result()
			if redis.IsPermissionError(err) {
				continue // a user that may only write; the first write checks the type
			}
			if err != nil {
				return p.classify(err, key)
			}
			if found != "none" && found != p.target.kind() {
				return retry.Permanent(wrongType(p.target, key, found))
			}
		}
		return nil
	})
}

// Publish is Send for bodies without a source.
func (p *Publisher) Publish(ctx context.Context, bodies [][]byte) ([]Receipt, error) {
	return p.Send(ctx, messagesOf(bodies))
}

// Send writes the messages in order and returns their receipts in the same
// order. While Redis is unavailable, full, read-only or loading it blocks and
// retries. Messages whose reply was lost are sent again (at-least-once). If Redis
// refuses some messages of a pipeline and accepts later ones, because it reached or
// left a limit meanwhile, those that it refused are sent again after the others.
//
// It returns an error only if ctx ends (the error then wraps ctx's cause and the
// reason of the last retry), if the configuration is wrong (a *Fault), or if
// Redis refuses a write. The receipts then tell which messages are known to be
// queued. If ctx ends while a batch is being written, that batch is completed
// first, within the client's timeouts.
func (p *Publisher) Send(ctx context.Context, messages []Message) ([]Receipt, error) {
	receipts := p.addressed(messages)
	for from := 0; from < len(messages); {
		to := p.batchEnd(messages, from)
		batch, traced := p.trace(ctx, messages[from:to])
		err := p.complete(ctx, batch, receipts[from:to])
		traced(receipts[from:to], err)
		if err != nil {
			return receipts, err
		}
		from = to
	}
	return receipts, nil
}

// trace begins to trace a batch, if there is a Tracer: then it returns a copy, since the
// messages are the caller's. Call the function once the batch has ended.
func (p *Publisher) trace(ctx context.Context, batch []Message) ([]Message, func([]Receipt, error)) {
	if p.opts.Tracer == nil {
		return batch, func([]Receipt, error) {}
	}
	batch = slices.Clone(batch)
	return batch, p.opts.Tracer.Begin(ctx, batch)
}

// addressed returns the receipts of messages that are not sent yet.
func (p *Publisher) addressed(messages []Message) []Receipt {
	receipts := make([]Receipt, len(messages))
	for i, m := range messages {
		receipts[i].Key = p.keys[p.target.home(m.Body)]
	}
	return receipts
}

// batchEnd returns the end of the batch that begins at from. A batch has at least
// one message.
func (p *Publisher) batchEnd(messages []Message, from int) int {
	size, to := 0, from
	for to < len(messages) && to-from < p.opts.Batch {
		size += messages[to].size()
		if to > from && size > pipelineBytes {
			break
		}
		to++
	}
	return to
}

// complete sends what is unconfirmed of a batch until all of it is queued.
func (p *Publisher) complete(ctx context.Context, messages []Message, receipts []Receipt) error {
	return p.retry(ctx, func() error {
		if p.opts.Replicas > 0 {
			return p.sendReplicated(ctx, messages, receipts)
		}
		return p.send(ctx, p.client, messages, receipts, unconfirmed(receipts))
	})
}

// retry calls attempt until it succeeds, fails permanently or ctx ends. In the
// last case the error wraps ctx's cause and the last attempt's error.
func (p *Publisher) retry(ctx context.Context, attempt func() error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	permanent := false
	err := pauses.Do(ctx, func() error {
		err := attempt()
		permanent = retry.IsPermanent(err)
		return err
	}, p.opts.OnWait)
	if err != nil && !permanent {
		return retry.Ended(context.Cause(ctx), err)
	}
	return err
}
