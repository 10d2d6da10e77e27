// Command ceiling is a bare loop of the commands that the worker cannot do
// without: the practical limit that the worker is measured against. It reads a
// batch, calls a plain limiter script once for all of it, inserts raw documents
// with one command and acknowledges with another. It decodes nothing, logs
// nothing and guarantees nothing. Do not improve it: ratios to it are
// comparable only while it stays the same.
//
// It takes the worker's REDIS_URL, MONGO_URI, STREAM_KEY, BATCH_SIZE,
// WORKER_CONCURRENCY and WORKER_MAX_MESSAGES, all of them required. With
// CEILING_IDS=hashed the documents have _ids in no order, as the worker's have,
// instead of ascending ones; a store may take those faster.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

const group = "ceiling"

// plainLimiter is the usual sliding window of four commands: KEYS are the
// windows, ARGV is the time in ms and then one member per window.
const plainLimiter = `
local now, verdicts = tonumber(ARGV[1]), {}
for i = 1, #KEYS do
  local key = KEYS[i]
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - 60000)
  if redis.call('ZCARD', key) < 100 then
    redis.call('ZADD', key, now, ARGV[i + 1])
    redis.call('PEXPIRE', key, 60000)
    verdicts[i] = 1
  else
    verdicts[i] = 0
  end
end
return verdicts`

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "ceiling:", err)
		os.Exit(1)
	}
}

type loop struct {
	redis     *redis.Client
	script    *redis.Script
	documents *mongo.Collection
	stream    string
	batch     int64
	hashed    bool
	left      atomic.Int64
}

func run(ctx context.Context) error {
	opts, err := redis.ParseURL(os.Getenv("REDIS_URL"))
	if err != nil {
		return err
	}
	client, err := mongo.Connect(options.Client().ApplyURI(os.Getenv("MONGO_URI")))
	if err != nil {
		return err
	}
	batch, err1 := strconv.Atoi(os.Getenv("BATCH_SIZE"))
	workers, err2 := strconv.Atoi(os.Getenv("WORKER_CONCURRENCY"))
	max, err3 := strconv.Atoi(os.Getenv("WORKER_MAX_MESSAGES"))
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	l := &loop{
		redis: redis.NewClient(opts), script: redis.NewScript(plainLimiter),
		documents: client.Database("bench").Collection("ceiling"), stream: os.Getenv("STREAM_KEY"), batch: int64(batch),
		hashed: os.Getenv("CEILING_IDS") == "hashed",
	}
	l.left.Store(int64(max))
	if err := l.redis.XGroupCreate(ctx, l.stream, group, "0").Err(); err != nil {
		return err
	}
	if err := l.script.Load(ctx, l.redis).Err(); err != nil {
		return err
	}
	return l.all(ctx, workers)
}

func (l *loop) all(ctx context.Context, workers int) error {
	errs := make([]error, workers)
	var done sync.WaitGroup
	for w := range workers {
		done.Go(func() {
			for errs[w] == nil && l.left.Load() > 0 {
				errs[w] = l.once(ctx, strconv.Itoa(w))
			}
		})
	}
	done.Wait()
	return errors.Join(errs...)
}

func (l *loop) once(ctx context.Context, consumer string) error {
	reply, err := l.redis.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: group, Consumer: consumer, Streams: []string{l.stream, ">"}, Count: l.batch, Block: 10 * time.Millisecond,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	if err != nil {
		return err
	}
	entries := reply[0].Messages
	keys, args := make([]string, len(entries)), make([]any, 1, len(entries)+1)
	ids := make([]string, len(entries))
	args[0] = time.Now().UnixMilli()
	for i, e := range entries {
		body, _ := e.Values["data"].(string)
		keys[i], ids[i] = "{ceiling}:limit:"+customer(body), e.ID
		args = append(args, e.ID)
	}
	if err := l.script.EvalSha(ctx, l.redis, keys, args...).Err(); err != nil {
		return err
	}
	if err := l.documents.Database().RunCommand(ctx, insert(l.documents.Name(), ids, keys, l.hashed)).Err(); err != nil {
		return err
	}
	if err := l.redis.XAck(ctx, l.stream, group, ids...).Err(); err != nil {
		return err
	}
	l.left.Add(-int64(len(entries)))
	return nil
}

// customer returns the text between the fourth and the fifth quote.
func customer(body string) string {
	const prefix = `{"customerId":"`
	rest, _ := strings.CutPrefix(body, prefix)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// insert returns the command, with documents as large as the worker's.
func insert(collection string, ids, customers []string, hashed bool) bson.Raw {
	const filler = "0123456789abcdef0123456789abcdef0123456789a"
	start, b := bsoncore.AppendDocumentStart(nil)
	b = bsoncore.AppendStringElement(b, "insert", collection)
	b = bsoncore.AppendBooleanElement(b, "ordered", false)
	array, b := bsoncore.AppendArrayElementStart(b, "documents")
	now := time.Now().UnixMilli()
	for i, id := range ids {
		var doc int32
		doc, b = bsoncore.AppendDocumentElementStart(b, strconv.Itoa(i))
		_id := filler + id
		if hashed {
			_id = fmt.Sprintf("%x", sha256.Sum256([]byte(id)))
		}
		b = bsoncore.AppendStringElement(b, "_id", _id)
		b = bsoncore.AppendStringElement(b, "customerId", customers[i])
		b = bsoncore.AppendStringElement(b, "name", "Ada Lovelace")
		b = bsoncore.AppendStringElement(b, "email", "ada@mail-host.org")
		b = bsoncore.AppendDateTimeElement(b, "createdAt", now)
		b = bsoncore.AppendDateTimeElement(b, "ingestedAt", now)
		b = bsoncore.AppendStringElement(b, "streamId", id)
		b, _ = bsoncore.AppendDocumentEnd(b, doc)
	}
	b, _ = bsoncore.AppendArrayEnd(b, array)
	b, _ = bsoncore.AppendDocumentEnd(b, start)
	return b
}
