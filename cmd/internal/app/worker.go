package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/consumer"
	"ingestion/internal/config"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// Worker is the service: it works the queue off into MongoDB.
type Worker struct {
	cfg      *config.Config
	log      *slog.Logger
	redis    redis.UniversalClient
	mongo    *mongo.Client
	store    *store.Store
	gate     *consumer.Gate
	consumer *consumer.Consumer
	queue    streams.Queue
	streams  []*streams.Stream
	// partitions is all of streams; nil in list mode.
	partitions *streams.Partitions
}

// NewWorker connects to both servers, waiting for them up to the start-up
// time, checks that they are usable and builds the pipeline. flush writes out
// log lines before their outcomes are settled. Close the worker afterwards.
func NewWorker(ctx context.Context, cfg *config.Config, log *slog.Logger, flush func() error) (*Worker, error) {
	w := &Worker{cfg: cfg, log: log, gate: consumer.NewGate()}
	if err := w.connect(ctx); err != nil {
		w.Close()
		return nil, err
	}
	if err := w.openQueue(ctx); err != nil {
		w.Close()
		return nil, err
	}
	opts := consumer.Options{
		Decode:          decoder(record.Decoder{MaxBytes: cfg.MaxRecordBytes}.Decode),
		Store:           w.store,
		Probe:           w.store.Check,
		Gate:            w.gate,
		Log:             log,
		Flush:           flush,
		BatchSize:       cfg.BatchSize,
		Concurrency:     cfg.Concurrency,
		MaxMessages:     cfg.MaxMessages,
		ShutdownTimeout: cfg.ShutdownTimeout.Duration(),
		LogRaw:          bool(cfg.LogRaw),
		ProcessingClock: cfg.RateLimitClock == config.ClockProcessing,
	}
	if len(w.streams) > 0 {
		opts.Lease = cfg.StreamClaimIdle.Duration()
	}
	if cfg.RateLimitLimit > 0 {
		l, err := w.newLimiter()
		if err != nil {
			w.Close()
			return nil, err
		}
		opts.Limiter = l
	}
	opts.RedisTime = func(ctx context.Context) (time.Time, error) { return w.redis.Time(ctx).Result() }
	c, err := consumer.New(opts)
	if err != nil {
		w.Close()
		return nil, err
	}
	w.consumer = c
	return w, nil
}

// connect waits for both servers at the same time, so that both are named if
// both are away. What waiting can't mend at one ends the wait for the other.
func (w *Worker) connect(ctx context.Context) error {
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var redisErr, mongoErr error
	var wait sync.WaitGroup
	wait.Go(func() {
		w.redis, redisErr = connectRedis(ctx, w.cfg, w.log, connections(w.cfg))
		if ExitCode(redisErr) == exitUsage {
			giveUp()
		}
	})
	wait.Go(func() {
		w.mongo, w.store, mongoErr = connectMongo(ctx, w.cfg, &watcher{log: w.log, gate: w.gate})
		if ExitCode(mongoErr) == exitUsage {
			giveUp()
		}
	})
	wait.Wait()
	return gravest(redisErr, mongoErr)
}

// connections is how many there may be to one node of Redis: for the reader, the
// batches in flight, which may settle several partitions at a time, the heartbeat
// and the upkeep. They are made when needed. A Cluster's reader waits for each
// partition by itself.
func connections(cfg *config.Config) int {
	n := 2*cfg.Concurrency + streams.MaxUpkeep + 8
	if opts, err := cfg.RedisOptions(); err == nil && opts.IsClusterMode {
		n += min(cfg.StreamPartitions, streams.MaxWatches)
	}
	return n
}

// gravest joins the errors that waiting can't mend, or all if there is none.
func gravest(errs ...error) error {
	isUsual := func(err error) bool { return ExitCode(err) != exitUsage }
	if grave := slices.DeleteFunc(slices.Clone(errs), isUsual); len(grave) > 0 {
		return errors.Join(grave...)
	}
	return errors.Join(errs...)
}

func (w *Worker) openQueue(ctx context.Context) error {
	cfg := w.cfg
	letters := streams.DeadLetterOptions{
		On:              cfg.KeepDeadLetters(),
		DropRateLimited: cfg.RateLimitPolicy == config.PolicyDrop,
		Max:             cfg.DLQMaxEntries,
		Worker:          cfg.StreamConsumer,
	}
	if cfg.QueueMode == config.ModeList {
		list, err := streams.NewList(streams.ListOptions{
			Client: w.redis, Key: cfg.QueueKey, PollTimeout: cfg.PollTimeout.Duration(), DeadLetters: letters, Log: w.log,
		})
		w.queue = list
		return err
	}
	for _, key := range streams.PartitionKeys(cfg.StreamKey, cfg.StreamPartitions) {
		s, err := streams.NewStream(streams.StreamOptions{
			Client: w.redis, Key: key, Group: cfg.StreamGroup, Consumer: cfg.StreamConsumer,
			PollTimeout: cfg.PollTimeout.Duration(), ClaimIdle: cfg.StreamClaimIdle.Duration(),
			Retention: time.Duration(cfg.StreamRetention), MaxEntries: cfg.StreamMaxEntries,
			MaxDeliveries: cfg.StreamMaxDeliveries, DeadLetters: letters, Log: w.log,
			MemoryPressure: w.roomWatch(key),
		})
		if err != nil {
			return err
		}
		if err := await(ctx, cfg.StartupTimeout.Duration(), w.log, "Redis", func(ctx context.Context) error { return permanent(NameOwner(s.Open(ctx))) }); err != nil {
			return err
		}
		w.streams = append(w.streams, s)
	}
	var err error
	if w.partitions, err = streams.NewPartitions(w.streams, streams.PartitionsOptions{TakeNoMore: cfg.MaxMessages > 0}); err != nil {
		return err
	}
	w.queue = w.partitions
	if len(w.streams) == 1 {
		w.queue = w.streams[0]
	}
	return nil
}

// roomWatch is told when Redis is at maxmemory. Without a limiter nothing needs
// room there to be admitted: the work goes on, and makes room.
func (w *Worker) roomWatch(key string) func(reason string) {
	if w.cfg.RateLimitLimit == 0 {
		return nil
	}
	return newRoomWatch(key, w.log, w.gate).tell
}

func (w *Worker) newLimiter() (*limiter.Limiter, error) {
	cfg := w.cfg
	bases := []string{cfg.QueueKey}
	if cfg.QueueMode == config.ModeStream {
		bases = streams.PartitionKeys(cfg.StreamKey, cfg.StreamPartitions)
	}
	return limiter.New(w.redis, limiter.Config{
		Limit:    cfg.RateLimitLimit,
		Window:   cfg.RateLimitWindow.Duration(),
		Lateness: cfg.RateLimitLateness.Duration(),
		MaxDelay: cfg.RateLimitMaxDelay.Duration(),
		Reserve:  cfg.RateLimitPolicy == config.PolicyDefer,
		Bases:    bases,
		Home:     func(customerID string) int { return record.HomePartition(customerID, len(bases)) },
		Floor:    w.floor,
		BadLimit: func(customerID, value string) {
			w.log.Warn("warning", "customerId", customerID, "reason",
				fmt.Sprintf("the customer's own limit %q can't be read; the default holds: want for example 5/60, off or block", value))
		},
	})
}

// trimmerLag is more than what was last seen of one partition may be older than
// what was seen of another, their clocks included.
const trimmerLag = time.Minute

// floor is the arrival before which nothing is unfinished in any partition; 0
// while one of them does not know. A partition that is idle, perhaps since long,
// does not count while others are at work: what it gets arrives later than they
// have come, but for the lag.
func (w *Worker) floor() int64 {
	const unknown = math.MaxInt64
	all, busy := int64(unknown), int64(unknown)
	for _, s := range w.streams {
		all = min(all, s.Floor())
		if !s.Idle() {
			busy = min(busy, s.Floor())
		}
	}
	switch {
	case len(w.streams) == 0:
		return 0
	case busy == unknown || busy == all:
		return all
	default:
		return max(busy-trimmerLag.Milliseconds(), all, 0)
	}
}

// Run works until ctx ends or WORKER_MAX_MESSAGES deliveries are settled. The
// error says what could not be brought to an orderly end.
func (w *Worker) Run(ctx context.Context) error {
	w.log.Info("worker_started", "status", "success", "mode", w.cfg.QueueMode, "key", w.cfg.Key(),
		"redis", w.cfg.RedisURL.String(), "mongo", w.cfg.MongoURI.String(), "consumer", w.cfg.StreamConsumer)
	upkeep, stop := context.WithCancel(context.WithoutCancel(ctx))
	var keepers sync.WaitGroup
	keepers.Go(func() { w.store.Watch(upkeep) })
	if w.partitions != nil {
		keepers.Go(func() { w.partitions.Maintain(upkeep) })
	}
	err := w.consumer.Run(ctx, w.queue)
	stop()
	keepers.Wait()
	if err != nil {
		w.log.Error("worker_stopped", "status", "error", "reason", err.Error())
		return fmt.Errorf("shutting down: %w", err)
	}
	w.log.Info("worker_stopped", "status", "success")
	return nil
}

// Close disconnects from both servers.
func (w *Worker) Close() {
	if w.redis != nil {
		_ = w.redis.Close()
	}
	if w.mongo != nil {
		_ = disconnect(context.Background(), w.mongo)
	}
}
