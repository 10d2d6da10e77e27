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

// plant is a bug that a service like this one may have. It is put between the
// parts of the pipeline, or into a script on its way to Redis, and so never is in
// the service's own code: nothing of it can get into a program.
type plant struct {
	queue   func(streams.Queue) streams.Queue
	store   func(*world, consumer.Store) consumer.Store
	limiter func(consumer.Limiter) consumer.Limiter
	command func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error

	// patch replaces what the expression finds in the script of a step.
	patch    step
	find, by string
	sha      string // of the patched script
}

func (p *plant) queueOver(q streams.Queue) streams.Queue {
	if p.queue == nil {
		return q
	}
	return p.queue(q)
}

func (p *plant) storeOver(w *world, s consumer.Store) consumer.Store {
	if p.store == nil {
		return s
	}
	return p.store(w, s)
}

func (p *plant) limiterOver(l consumer.Limiter) consumer.Limiter {
	if p.limiter == nil {
		return l
	}
	return p.limiter(l)
}

// over is what a command goes through on its way to Redis.
func (p *plant) over(next redis.ProcessHook) redis.ProcessHook {
	if p == nil {
		return next
	}
	return func(ctx context.Context, cmd redis.Cmder) error {
		if p.sha != "" && stepOf(cmd) == p.patch {
			cmd.Args()[1] = p.sha
		}
		if p.command != nil {
			return p.command(ctx, cmd, next)
		}
		return next(ctx, cmd)
	}
}

// load has Redis know the patched script. A patch that does not fit is a failure:
// the script has changed, and the bug is not planted.
func (p *plant) load(t *testing.T, client *redis.Client) {
	t.Helper()
	if p.patch == "" {
		return
	}
	where, source := regexp.MustCompile(p.find), sources[p.patch]
	if n := len(where.FindAllString(source, -1)); n != 1 {
		t.Fatalf("%q is %d times in the script of %s, want once: the bug can't be planted", p.find, n, p.patch)
	}
	sha, err := client.ScriptLoad(t.Context(), where.ReplaceAllString(source, p.by)).Result()
	if err != nil {
		t.Fatalf("the patched script of %s: %v", p.patch, err)
	}
	p.sha = sha
}

// hasty settles what it receives before anything has become of it.
type hasty struct{ streams.Queue }

func (q hasty) Receive(ctx context.Context, most int) ([]streams.Delivery, error) {
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

// noAck reads without making entries pending, and so without waiting: NOACK, said
// twice, takes the place of BLOCK and its time.
func noAck(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
	if args := cmd.Args(); cmd.Name() == "xreadgroup" && args[6] == "block" {
		args[6], args[7] = "NOACK", "NOACK" // after XREADGROUP GROUP g c COUNT n
	}
	return next(ctx, cmd)
}

// careless inserts by the driver's InsertMany and takes some errors for success.
type careless struct {
	consumer.Store
	coll    *mongo.Collection
	success func(error) bool
}

func (s careless) Insert(ctx context.Context, docs []store.Document) ([]store.Result, error) {
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

// concernIgnored takes a write concern error alone for success.
func concernIgnored(err error) bool {
	var bulk mongo.BulkWriteException
	return errors.As(err, &bulk) && bulk.WriteConcernError != nil && len(bulk.WriteErrors) == 0
}

// forgetful gives each judgement of a record another member.
type forgetful struct{ consumer.Limiter }

func (l forgetful) Judge(ctx context.Context, requests []limiter.Request) ([]limiter.Verdict, error) {
	for i := range requests {
		requests[i].Member = fmt.Sprintf("%s-%d", requests[i].Member, rand.Uint64())
	}
	return l.Limiter.Judge(ctx, requests)
}
