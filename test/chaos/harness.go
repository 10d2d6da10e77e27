package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"go.mongodb.org/mongo-driver/v2/mongo"
	mongooptions "go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/test/chaos/internal/check"
	"ingestion/test/chaos/internal/faults"
	"ingestion/test/chaos/internal/system"
)

const (
	streamKey  = "chaos:stream"
	group      = "chaos-workers"
	database   = "chaos"
	collection = "customers"

	limit    = 5
	window   = 4 * time.Second
	maxDelay = 8 * time.Second
	// lease is so short that many a freeze outlasts it.
	lease = 1500 * time.Millisecond
)

// world is everything that a run starts.
type world struct {
	dir                            string
	redis, mongo                   *system.Server
	clock                          *system.Clock
	refusals                       system.Refusals
	redisLink, mongoLink, feedLink *system.Link
	workers                        []*system.Worker
	direct, feed                   *redis.Client
	client                         *mongo.Client
	keys                           []string

	mu     sync.Mutex
	report check.Report // what went wrong by the way
	ended  bool         // servers are taken down: complaints are void
}

// build compiles a program of this module.
func build(ctx context.Context, dir, program string) (string, error) {
	bin := filepath.Join(dir, filepath.Base(program))
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin, program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", program, err, out)
	}
	return bin, nil
}

// startWorld starts servers and links; the workers are still to be started.
func startWorld(ctx context.Context, o options, dir string) (*world, error) {
	logging.Disable()
	w := &world{dir: dir, keys: partitionKeys(o.partitions), refusals: system.Refusals(filepath.Join(dir, "refuse.json"))}
	if o.plays(faults.ClockAhead, faults.ClockBack) {
		var err error
		if w.clock, err = system.NewClock(dir); err != nil {
			return w, err
		}
	}
	if err := errors.Join(w.startRedis(), w.startMongo(ctx, o)); err != nil {
		return w, err
	}
	bin, err := build(ctx, dir, "ingestion/cmd/worker")
	if err != nil {
		return w, err
	}
	for i := range o.workers {
		w.workers = append(w.workers, system.NewWorker(dir, fmt.Sprint("worker-", i), bin, w.settings(o), w.complain))
	}
	return w, nil
}

func (w *world) startRedis() (err error) {
	if w.redis, err = system.NewRedis(w.dir, w.clock); err != nil {
		return err
	}
	if err = w.redis.Start(); err != nil {
		return err
	}
	var linkErr error
	w.redisLink, err = system.NewLink("redis", w.redis.Addr)
	w.feedLink, linkErr = system.NewLink("feed", w.redis.Addr)
	if err = errors.Join(err, linkErr); err != nil {
		return err
	}
	w.direct, w.feed = impatient(w.redis.Addr), impatient(w.feedLink.Addr())
	return nil
}

// impatient is a client that repeats nothing by itself.
func impatient(addr string) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: addr, MaxRetries: -1, DialerRetries: 1, DialTimeout: time.Second,
		ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, ContextTimeoutEnabled: true,
	})
}

func (w *world) startMongo(ctx context.Context, o options) error {
	program, args := "ingestion/internal/test/mongo/lite", []string{"--journal", filepath.Join(w.dir, "mongo.journal"), "--refuse", string(w.refusals)}
	if o.mongo == "ferret" {
		program, args = "ingestion/cmd/standalone", []string{"mongo", "--data", filepath.Join(w.dir, "mongo")}
	}
	bin, err := build(ctx, w.dir, program)
	if err != nil {
		return err
	}
	if w.mongo, err = system.NewMongo(w.dir, bin, args...); err != nil {
		return err
	}
	if err = w.mongo.Start(); err != nil {
		return err
	}
	if w.mongoLink, err = system.NewLink("mongo", w.mongo.Addr); err != nil {
		return err
	}
	w.client, err = mongo.Connect(mongooptions.Client().ApplyURI("mongodb://" + w.mongo.Addr))
	return err
}

func partitionKeys(n int) []string {
	if n == 1 {
		return []string{streamKey}
	}
	keys := make([]string, n)
	for p := range keys {
		keys[p] = streamKey + ":" + strconv.Itoa(p)
	}
	return keys
}

// settings are the workers' environment. Settled entries are trimmed after some
// seconds, so that trimming is part of the run.
func (w *world) settings(o options) []string {
	return []string{
		"QUEUE_MODE=stream", "REDIS_URL=redis://" + w.redisLink.Addr() + "/0", "MONGO_URI=mongodb://" + w.mongoLink.Addr() + "/",
		"STREAM_KEY=" + streamKey, "STREAM_GROUP=" + group, "STREAM_PARTITIONS=" + strconv.Itoa(o.partitions),
		"MONGO_DB=" + database, "MONGO_COLLECTION=" + collection, "MONGO_INDEXES=off",
		"STREAM_CLAIM_IDLE_MS=" + strconv.FormatInt(lease.Milliseconds(), 10), "STREAM_RETENTION=5s",
		"RATE_LIMIT_LIMIT=" + strconv.Itoa(limit), "RATE_LIMIT_WINDOW_SEC=" + strconv.Itoa(int(window.Seconds())),
		"RATE_LIMIT_POLICY=" + o.policy, "RATE_LIMIT_MAX_DELAY_SEC=" + strconv.Itoa(int(maxDelay.Seconds())),
		"BATCH_SIZE=100", "WORKER_CONCURRENCY=4", "WORKER_POLL_TIMEOUT_SEC=1", "SHUTDOWN_TIMEOUT_SEC=5", "STARTUP_TIMEOUT_SEC=120",
		"LOG_FORMAT=json", "ADMIN_ADDR=",
	}
}

func (w *world) complain(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.report.Add(check.Misbehaved, what)
	}
}

func (w *world) sources() *check.Sources {
	return &check.Sources{Redis: w.direct, Documents: w.client.Database(database).Collection(collection), Keys: w.keys, Group: group}
}

// close takes everything down that is up.
func (w *world) close() {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	for _, worker := range w.workers {
		if worker.Lives() > 0 {
			worker.Kill()
		}
	}
	for _, link := range []*system.Link{w.redisLink, w.mongoLink, w.feedLink} {
		if link != nil {
			link.Close()
		}
	}
	for _, client := range []*redis.Client{w.direct, w.feed} {
		if client != nil {
			_ = client.Close()
		}
	}
	if w.client != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = w.client.Disconnect(ctx)
	}
	for _, server := range []*system.Server{w.redis, w.mongo} {
		if server != nil {
			server.Kill()
		}
	}
}
