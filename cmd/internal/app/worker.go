package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/consumer"
	"ingestion/internal/admin"
	"ingestion/internal/config"
	"ingestion/internal/metrics"
	"ingestion/internal/metrics/queue"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// Worker is the service: it moves the records of a queue into MongoDB.
type Worker struct {
	cfg        *config.Config
	log        *slog.Logger
	redis      redis.UniversalClient
	mongo      *mongo.Client
	store      *store.Store
	gate       *consumer.Gate
	consumer   *consumer.Consumer
	queue      streams.Queue
	streams    []*streams.Stream
	partitions *streams.Partitions // all of streams; nil in list mode

	phase atomic.Int32 // see phase

	// Nil if ADMIN_ADDR is not served.
	admin   *admin.Server
	metrics *metrics.Metrics
	pulse   *consumer.Pulse
	reading *reading
}

// Tracer makes the spans of a worker.
type Tracer interface {
	consumer.Observer
	// TraceID returns the ID of the trace that ctx belongs to, if it is sampled; else "".
	TraceID(ctx context.Context) string
}

// StartTracer returns a Tracer, or nil if traces are off. Call stop at the end. The
// package tracing has the one there is; main packages pass it on, so that programs
// without traces do not contain it.
type StartTracer func(context.Context, *config.Config, *slog.Logger) (tracer Tracer, stop func())

// NewWorker serves ADMIN_ADDR, connects to both servers, checks that they are usable and builds
// the pipeline. It waits for each server for STARTUP_TIMEOUT_SEC at most. flush writes out buffered log lines.
// tracer makes the spans; nil means that there are none. Close the worker after use.
func NewWorker(ctx context.Context, cfg *config.Config, log *slog.Logger, flush func() error, tracer Tracer) (*Worker, error) {
	w := &Worker{cfg: cfg, log: log, gate: consumer.NewGate()}
	if err := w.open(ctx, flush, tracer); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func (w *Worker) open(ctx context.Context, flush func() error, tracer Tracer) error {
	if err := w.openAdmin(); err != nil {
		return err
	}
	if err := w.connect(ctx); err != nil {
		return err
	}
	if err := w.openLayout(ctx); err != nil {
		return err
	}
	warnOfOtherQueue(ctx, w.redis, w.cfg, w.log)
	if err := w.openQueue(ctx); err != nil {
		return err
	}
	opts, err := w.consumerOptions(flush)
	if err != nil {
		return err
	}
	if tracer != nil {
		opts.Observers, opts.TraceID = append(opts.Observers, tracer), tracer.TraceID
	}
	w.consumer, err = consumer.New(opts)
	return err
}

func (w *Worker) consumerOptions(flush func() error) (consumer.Options, error) {
	cfg := w.cfg
	opts := consumer.Options{
		Decode:          decoder(record.Decoder{MaxBytes: cfg.MaxRecordBytes}.Decode),
		ProcessingClock: cfg.RateLimitClock == config.ClockProcessing,
		RedisTime:       func(ctx context.Context) (time.Time, error) { return w.redis.Time(ctx).Result() },
		Store:           w.store,
		Probe:           w.store.Check,
		Gate:            w.gate,
		Log:             w.log,
		Flush:           flush,
		LogRaw:          bool(cfg.LogRaw),
		BatchSize:       cfg.BatchSize,
		Concurrency:     cfg.Concurrency,
		MaxMessages:     cfg.MaxMessages,
		ShutdownTimeout: cfg.ShutdownTimeout.Duration(),
	}
	if w.admin != nil {
		opts.Observers = append(opts.Observers, w.metrics, w.reading)
		opts.Pulse, opts.ReceiveTimeout = w.pulse, w.receiveTimeout()
	}
	if len(w.streams) > 0 {
		opts.Lease = cfg.StreamClaimIdle.Duration()
	}
	if cfg.RateLimitLimit > 0 {
		l, err := w.newLimiter()
		if err != nil {
			return opts, err
		}
		opts.Limiter = l
	}
	return opts, nil
}

// receiveTimeout is more than a read takes that does not hang: the wait for records, and
// some calls that get no answer.
func (w *Worker) receiveTimeout() time.Duration {
	timeout := w.cfg.PollTimeout.Duration() + time.Minute
	if opts, err := w.cfg.RedisOptions(); err == nil {
		timeout += 4 * opts.ReadTimeout
	}
	return timeout
}

// connect waits for both servers at the same time, so that the error names both if both are
// down. A permanent error of one ends the wait for the other.
func (w *Worker) connect(ctx context.Context) error {
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var redisErr, mongoErr error
	var wait sync.WaitGroup
	wait.Go(func() {
		w.redis, redisErr = connectRedis(ctx, w.cfg, w.log, connections(w.cfg), false)
		if ExitCode(redisErr) == exitUsage {
			giveUp()
		}
	})
	wait.Go(func() {
		w.mongo, w.store, mongoErr = connectMongo(ctx, w.cfg, w.log, w.storeObserver())
		if ExitCode(mongoErr) == exitUsage {
			giveUp()
		}
	})
	wait.Wait()
	return gravest(redisErr, mongoErr)
}

func (w *Worker) storeObserver() *storeObserver {
	o := &storeObserver{log: w.log, gate: w.gate}
	if w.metrics != nil {
		o.retried = w.metrics.StoreRetries
	}
	return o
}

// connections is the most connections to one node of Redis: for the reader, the batches in
// flight, each of which may settle several partitions at the same time, the heartbeat, the
// maintenance and the metrics of the queue. On a Cluster the reader also waits for each
// partition separately. Connections are opened on demand.
func connections(cfg *config.Config) int {
	n := 2*cfg.Concurrency + streams.MaxUpkeep + 8
	opts, err := cfg.RedisOptions()
	cluster := err == nil && opts.IsClusterMode
	partitions := cfg.StreamPartitions
	if cluster {
		partitions = max(partitions, streams.MaxWatches) // more streams than partitions may be read, which is not known yet
		n += streams.MaxWatches
	}
	return n + queue.Connections(cluster, partitions)
}

// gravest joins the permanent errors or, if there is none, all of them.
func gravest(errs ...error) error {
	transient := func(err error) bool { return ExitCode(err) != exitUsage }
	if permanent := slices.DeleteFunc(slices.Clone(errs), transient); len(permanent) > 0 {
		return errors.Join(permanent...)
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
	for _, key := range w.keys() {
		s, err := streams.NewStream(streams.StreamOptions{
			Client: w.redis, Key: key, Group: cfg.StreamGroup, Consumer: cfg.StreamConsumer,
			PollTimeout: cfg.PollTimeout.Duration(), ClaimIdle: cfg.StreamClaimIdle.Duration(),
			Retention: time.Duration(cfg.StreamRetention), MaxEntries: cfg.StreamMaxEntries,
			MaxDeliveries: cfg.StreamMaxDeliveries, DeadLetters: letters, Log: w.log,
			MemoryPressure: w.memoryPressure(key), Claimed: w.claimed(),
		})
		if err != nil {
			return err
		}
		if err := await(ctx, cfg.StartupTimeout.Duration(), w.log, "Redis", func(ctx context.Context) error { return NameOwner(s.Open(ctx)) }); err != nil {
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

// claimed returns what counts claimed entries, or nil.
func (w *Worker) claimed() func(int) {
	if w.metrics == nil {
		return nil
	}
	return w.metrics.Claimed
}

// memoryPressure returns what is called when Redis is at maxmemory, and when it no longer is.
// Without a limiter, records are admitted without writing to Redis: the worker goes on, which
// frees memory.
func (w *Worker) memoryPressure(key string) func(reason string) {
	if w.cfg.RateLimitLimit == 0 {
		return nil
	}
	return (&memoryPressure{stream: key, log: w.log, gate: w.gate}).changed
}

func (w *Worker) newLimiter() (*limiter.Limiter, error) {
	cfg := w.cfg
	bases, home := []string{cfg.QueueKey}, func(string) int { return 0 }
	if cfg.QueueMode == config.ModeStream {
		layout := cfg.Layout()
		bases, home = layout.Homes(), layout.Home
	}
	return limiter.New(w.redis, limiter.Config{
		Limit:    cfg.RateLimitLimit,
		Window:   cfg.RateLimitWindow.Duration(),
		Lateness: cfg.RateLimitLateness.Duration(),
		MaxDelay: cfg.RateLimitMaxDelay.Duration(),
		Reserve:  cfg.RateLimitPolicy == config.PolicyDefer,
		Bases:    bases,
		Home:     home,
		Floor:    w.floor,
		BadLimit: func(customerID, value string) {
			w.log.Warn("warning", "customerId", customerID, "reason",
				fmt.Sprintf("the customer's own limit %q can't be read, the default applies: want for example 5/60, off or block", value))
		},
	})
}

// floorSkew bounds how much older the last observation of one partition may be than that of
// another, including the difference of their servers' clocks.
const floorSkew = time.Minute

// floor returns the arrival time, in ms since 1970, before which no partition has an unfinished
// entry; 0 if one of them does not know yet. Idle partitions, whose floor may be old, are left
// out while others are busy: their next entries arrive later than the floor of the busy ones,
// apart from the skew. Streams that are no partitions count only while they are busy: their floor
// may stay as it is for ever.
func (w *Worker) floor() int64 {
	const unknown = math.MaxInt64
	all, busy := int64(unknown), int64(unknown)
	for i, s := range w.streams {
		if i >= w.cfg.StreamPartitions && s.Idle() {
			continue
		}
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
		return max(busy-floorSkew.Milliseconds(), all, 0)
	}
}

// Run processes records until ctx ends, WORKER_MAX_MESSAGES deliveries are settled or the number
// of partitions is being changed. The error says why the run ended early or what could not be
// settled; it is nil after a clean shutdown.
func (w *Worker) Run(ctx context.Context) error {
	w.logStart()
	ctx, stopWork := context.WithCancel(ctx)
	defer stopWork()
	w.phase.Store(int32(running))
	defer context.AfterFunc(ctx, func() { w.phase.Store(int32(stopping)) })()
	maintainCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	var maintenance sync.WaitGroup
	maintenance.Go(func() { w.store.Watch(maintainCtx) })
	control := w.watchControl(ctx)
	maintenance.Go(func() { control.Run(maintainCtx) })
	if registration := w.register(); registration != nil {
		_ = registration.Register(ctx) // before the layout is looked at: who changes it looks at the list afterwards
		maintenance.Go(func() { registration.Run(maintainCtx) })
	}
	fault := w.layoutFault(ctx)
	if fault != nil {
		stopWork()
	} else if w.partitions != nil {
		maintenance.Go(func() { w.partitions.Maintain(maintainCtx) })
		maintenance.Go(func() {
			if fault = w.watchLayout(maintainCtx); fault != nil {
				stopWork()
			}
		})
	}
	err := w.consumer.Run(ctx, w.queue)
	w.phase.Store(int32(stopping))
	stop()
	maintenance.Wait()
	if err = errors.Join(fault, err); err != nil {
		w.log.Error("worker_stopped", "status", "error", "reason", err.Error())
		return fmt.Errorf("shutting down: %w", err)
	}
	w.log.Info("worker_stopped", "status", "success")
	return nil
}

// watchControl looks once whether the queue is paused, so that a worker that starts
// meanwhile reads nothing, and returns what goes on looking.
func (w *Worker) watchControl(ctx context.Context) *streams.ControlWatch {
	control := streams.NewControlWatch(w.redis, w.keys()[0], w.log, pauses{log: w.log, gate: w.gate}.changed)
	control.Look(ctx)
	return control
}

// keys are the list, or the streams of all partitions.
func (w *Worker) keys() []string {
	if w.cfg.QueueMode == config.ModeStream {
		return w.cfg.Layout().Keys()
	}
	return []string{w.cfg.QueueKey}
}

func (w *Worker) logStart() {
	log := w.log.With("status", "success", "version", version(), "mode", w.cfg.QueueMode, "key", w.cfg.Key(),
		"redis", w.cfg.RedisURL.String(), "mongo", w.cfg.MongoURI.String(), "consumer", w.cfg.StreamConsumer)
	if w.admin != nil {
		log = log.With("admin", w.admin.Addr())
	}
	log.Info("worker_started")
}

// Close closes ADMIN_ADDR and disconnects from both servers.
func (w *Worker) Close() {
	if w.admin != nil {
		w.admin.Close()
	}
	if w.redis != nil {
		_ = w.redis.Close()
	}
	if w.mongo != nil {
		_ = disconnect(context.Background(), w.mongo)
	}
}
