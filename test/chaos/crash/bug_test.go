package crash_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/consumer"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// bug is a bug that a service like this one may have. It is planted between the
// parts of the pipeline, or in a script on its way to Redis, never in the
// service's own code.
type bug struct {
	queue   func(streams.Queue) streams.Queue
	store   func(*trial, consumer.Store) consumer.Store
	limiter func(consumer.Limiter) consumer.Limiter
	command func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error

	// patch replaces what the expression finds in the script of a step.
	patch    step
	find, by string
	sha      string // of the patched script
}

func (b *bug) wrapQueue(q streams.Queue) streams.Queue {
	if b.queue == nil {
		return q
	}
	return b.queue(q)
}

func (b *bug) wrapStore(tr *trial, s consumer.Store) consumer.Store {
	if b.store == nil {
		return s
	}
	return b.store(tr, s)
}

func (b *bug) wrapLimiter(l consumer.Limiter) consumer.Limiter {
	if b.limiter == nil {
		return l
	}
	return b.limiter(l)
}

// wrap returns the hook that commands pass on their way to Redis.
func (b *bug) wrap(next redis.ProcessHook) redis.ProcessHook {
	if b == nil {
		return next
	}
	return func(ctx context.Context, cmd redis.Cmder) error {
		if b.sha != "" && stepOf(cmd) == b.patch {
			cmd.Args()[1] = b.sha
		}
		if b.command != nil {
			return b.command(ctx, cmd, next)
		}
		return next(ctx, cmd)
	}
}

// load loads the patched script into Redis. It fails if the patch does not apply
// because the script has changed.
func (b *bug) load(t *testing.T, client *redis.Client) {
	t.Helper()
	if b.patch == "" {
		return
	}
	where, source := regexp.MustCompile(b.find), sources[b.patch]
	if n := len(where.FindAllString(source, -1)); n != 1 {
		t.Fatalf("%q occurs %d times in the script of %s, want once: the bug cannot be planted", b.find, n, b.patch)
	}
	sha, err := client.ScriptLoad(t.Context(), where.ReplaceAllString(source, b.by)).Result()
	if err != nil {
		t.Fatalf("the patched script of %s: %v", b.patch, err)
	}
	b.sha = sha
}

// ackFirst settles deliveries when it receives them.
type ackFirst struct{ streams.Queue }

func (q ackFirst) Receive(ctx context.Context, most int) ([]streams.Delivery, error) {
	batch, err := q.Queue.Receive(ctx, most)
	done := make([]streams.Settlement, len(batch))
	for i := range batch {
		done[i] = streams.Settlement{Delivery: &batch[i], Outcome: record.Ingested}
	}
	if len(done) > 0 {
		_, _ = q.Queue.Settle(context.WithoutCancel(ctx), done)
	}
	return batch, err
}

// noAck reads without making entries pending, and without blocking: NOACK, given
// twice, replaces BLOCK and its time.
func noAck(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
	if args := cmd.Args(); cmd.Name() == "xreadgroup" && args[6] == "block" {
		args[6], args[7] = "NOACK", "NOACK" // after XREADGROUP GROUP g c COUNT n
	}
	return next(ctx, cmd)
}

// lenientStore inserts with the driver's InsertMany and treats some errors as
// success.
type lenientStore struct {
	consumer.Store
	coll    *mongo.Collection
	success func(error) bool
}

func (s lenientStore) Insert(ctx context.Context, docs []store.Document) ([]store.Result, error) {
	raw := make([]any, len(docs))
	for i, d := range docs {
		raw[i] = bson.D{{Key: "_id", Value: d.Record.ID}, {Key: "customerId", Value: d.Record.CustomerID}, {Key: "name", Value: d.Record.Name},
			{Key: "email", Value: d.Record.Email}, {Key: "createdAt", Value: d.Record.CreatedAt}, {Key: "streamId", Value: d.StreamID}}
	}
	_, err := s.coll.InsertMany(ctx, raw, options.InsertMany().SetOrdered(false))
	if err != nil && !s.success(err) {
		return s.Store.Insert(ctx, docs)
	}
	results := make([]store.Result, len(docs))
	for i := range results {
		results[i].Outcome = record.Ingested
	}
	return results, nil
}

// concernIgnored treats a lone write concern error as success.
func concernIgnored(err error) bool {
	var bulk mongo.BulkWriteException
	return errors.As(err, &bulk) && bulk.WriteConcernError != nil && len(bulk.WriteErrors) == 0
}

// randomMember gives a record another member of its window at each attempt.
type randomMember struct{ consumer.Limiter }

func (l randomMember) Judge(ctx context.Context, requests []limiter.Request) ([]limiter.Verdict, error) {
	for i := range requests {
		requests[i].Member = fmt.Sprintf("%s-%d", requests[i].Member, rand.Uint64())
	}
	return l.Limiter.Judge(ctx, requests)
}
