package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"go.mongodb.org/mongo-driver/v2/mongo"
	mongooptions "go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/internal/test/proc"
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
	// lease is shorter than many of the freezes.
	lease = 1500 * time.Millisecond
)

// harness is everything that a run starts.
type harness struct {
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
	report check.Report // violations seen during the run
	closed bool         // servers are being shut down: complaints are ignored
}

// startHarness starts servers and links; the workers are still to be started.
func startHarness(ctx context.Context, o options, dir string) (*harness, error) {
	logging.Disable()
	h := &harness{dir: dir, keys: partitionKeys(o.partitions), refusals: system.Refusals(filepath.Join(dir, "refuse.json"))}
	if o.injects(faults.ClockAhead, faults.ClockBack) {
		var err error
		if h.clock, err = system.NewClock(dir); err != nil {
			return h, err
		}
	}
	if err := errors.Join(h.startRedis(), h.startMongo(ctx, o)); err != nil {
		return h, err
	}
	bin, err := proc.Build(ctx, dir, "ingestion/cmd/worker")
	if err != nil {
		return h, err
	}
	for i := range o.workers {
		h.workers = append(h.workers, system.NewWorker(dir, fmt.Sprint("worker-", i), bin, h.settings(o), h.complain))
	}
	return h, nil
}

func (h *harness) startRedis() (err error) {
	if h.redis, err = system.NewRedis(h.dir, h.clock); err != nil {
		return err
	}
	if err = h.redis.Start(); err != nil {
		return err
	}
	var linkErr error
	h.redisLink, err = system.NewLink("redis", h.redis.Addr)
	h.feedLink, linkErr = system.NewLink("feed", h.redis.Addr)
	if err = errors.Join(err, linkErr); err != nil {
		return err
	}
	h.direct, h.feed = newClient(h.redis.Addr), newClient(h.feedLink.Addr())
	return nil
}

// newClient returns a client that never retries.
func newClient(addr string) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: addr, MaxRetries: -1, DialerRetries: 1, DialTimeout: time.Second,
		ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, ContextTimeoutEnabled: true,
	})
}

func (h *harness) startMongo(ctx context.Context, o options) error {
	program, args := "ingestion/internal/test/mongo/lite", []string{"--journal", filepath.Join(h.dir, "mongo.journal"), "--refuse", string(h.refusals)}
	if o.mongo == "ferret" {
		program, args = "ingestion/cmd/standalone", []string{"mongo", "--data", filepath.Join(h.dir, "mongo")}
	}
	bin, err := proc.Build(ctx, h.dir, program)
	if err != nil {
		return err
	}
	if h.mongo, err = system.NewMongo(h.dir, bin, args...); err != nil {
		return err
	}
	if err = h.mongo.Start(); err != nil {
		return err
	}
	if h.mongoLink, err = system.NewLink("mongo", h.mongo.Addr); err != nil {
		return err
	}
	h.client, err = mongo.Connect(mongooptions.Client().ApplyURI("mongodb://" + h.mongo.Addr))
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

// settings returns the workers' environment. Retention is a few seconds, so that
// trimming is part of the run.
func (h *harness) settings(o options) []string {
	return []string{
		"QUEUE_MODE=stream", "REDIS_URL=redis://" + h.redisLink.Addr() + "/0", "MONGO_URI=mongodb://" + h.mongoLink.Addr() + "/",
		"STREAM_KEY=" + streamKey, "STREAM_GROUP=" + group, "STREAM_PARTITIONS=" + strconv.Itoa(o.partitions),
		"MONGO_DB=" + database, "MONGO_COLLECTION=" + collection, "MONGO_INDEXES=off",
		"STREAM_CLAIM_IDLE_MS=" + strconv.FormatInt(lease.Milliseconds(), 10), "STREAM_RETENTION=5s",
		"RATE_LIMIT_LIMIT=" + strconv.Itoa(limit), "RATE_LIMIT_WINDOW_SEC=" + strconv.Itoa(int(window.Seconds())),
		"RATE_LIMIT_POLICY=" + o.policy, "RATE_LIMIT_MAX_DELAY_SEC=" + strconv.Itoa(int(maxDelay.Seconds())),
		"BATCH_SIZE=100", "WORKER_CONCURRENCY=4", "WORKER_POLL_TIMEOUT_SEC=1", "SHUTDOWN_TIMEOUT_SEC=5", "STARTUP_TIMEOUT_SEC=120",
		"LOG_FORMAT=json", "ADMIN_ADDR=",
	}
}

func (h *harness) complain(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.report.Add(check.Misbehaved, what)
	}
}

func (h *harness) sources() *check.Sources {
	return &check.Sources{Redis: h.direct, Documents: h.client.Database(database).Collection(collection), Keys: h.keys, Group: group}
}

// close stops everything that runs.
func (h *harness) close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	for _, worker := range h.workers {
		if worker.Started() > 0 {
			worker.Kill()
		}
	}
	for _, link := range []*system.Link{h.redisLink, h.mongoLink, h.feedLink} {
		if link != nil {
			link.Close()
		}
	}
	for _, client := range []*redis.Client{h.direct, h.feed} {
		if client != nil {
			_ = client.Close()
		}
	}
	if h.client != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = h.client.Disconnect(ctx)
	}
	for _, server := range []*system.Server{h.redis, h.mongo} {
		if server != nil {
			server.Kill()
		}
	}
}
