package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// Limiter decides whether records fit their customers' windows, in the order of
// the requests. After an error the call is repeated, with one exception: if the
// error consists of *limiter.KeyErrors only, the verdicts stand, except those of
// the customers it names, whose records are postponed.
type Limiter interface {
	Judge(ctx context.Context, requests []limiter.Request) ([]limiter.Verdict, error)
}

// Store inserts documents durably. Its methods may run concurrently.
type Store interface {
	// Insert returns one result per document. It retries until each document has
	// an outcome, is postponed, or ctx ends; a document that is still open then
	// has Outcome 0. Any error other than the end of ctx ends the run.
	Insert(ctx context.Context, docs []store.Document) ([]store.Result, error)

	// Owned reports for each document whether the one stored under its ID was
	// inserted by the same delivery, before a crash or a lost reply.
	Owned(ctx context.Context, docs []store.Document) ([]bool, error)
}

// Options configures a Consumer. Decode, Store, Log, BatchSize and Concurrency
// are required; the zero value of any other field is usable and means what its
// comment says.
type Options struct {
	// Decode turns a body into a record. It returns a *record.Refusal for a body
	// that is not a valid record; any other error makes the outcome Malformed.
	Decode func(body []byte) (record.Record, error)

	// Limiter limits each customer's rate. Nil means no limits.
	Limiter Limiter

	// ProcessingClock makes the limiter count a record when it is processed. By
	// default it counts when it arrived in the queue.
	ProcessingClock bool

	// RedisTime returns the time of the Redis server. It is required if Limiter
	// reserves slots, because it decides which of them are due.
	RedisTime func(context.Context) (time.Time, error)

	// Store takes the records.
	Store Store

	// Probe reports whether the store can be reached. It is retried until it
	// succeeds before each quarantined attempt. Nil skips it.
	Probe func(context.Context) error

	// Gate keeps the consumer from receiving while it is shut. Nil means that it
	// is always open.
	Gate *Gate

	// Pulse records that the loops of the consumer turn. Nil means that nobody asks.
	Pulse *Pulse

	// ReceiveTimeout is the longest that Receive of the queue takes unless it hangs.
	// Zero means a minute.
	ReceiveTimeout time.Duration

	// Observers are told about each stage.
	Observers []Observer

	// TraceID returns the ID of the trace that ctx, which an Observer returned, belongs
	// to, if it is sampled. The log lines of records without a trace context of their
	// own have it. Nil means that there are no traces.
	TraceID func(ctx context.Context) string

	// Log gets one line per outcome, and lines about errors and recoveries.
	Log *slog.Logger

	// Flush writes out buffered log lines before their outcomes are settled. An
	// error ends the run. Nil means that Log does not buffer.
	Flush func() error

	// LogRaw adds the first 256 bytes of a malformed body to its log line.
	LogRaw bool

	// BatchSize is the most deliveries in a batch, at least 1.
	BatchSize int

	// Concurrency is the maximum number of batches that are processed at the same
	// time, at least 1.
	Concurrency int

	// MaxMessages is the number of deliveries after whose settlement Run returns.
	// Zero means no limit.
	MaxMessages int64

	// Lease is the time after which the queue may give a delivery to another
	// consumer unless it is renewed. It is renewed every third of that time.
	// Zero means that the queue has no leases: what it delivers is lost if the
	// process dies.
	Lease time.Duration

	// ShutdownTimeout is how long batches in flight may go on once the context of
	// Run has ended. Zero interrupts them at once.
	ShutdownTimeout time.Duration
}

// validate reports missing options, and numbers with which nothing would be received.
func (o *Options) validate() error {
	var errs []error
	want := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New("consumer: Options."+what))
		}
	}
	want(o.Decode != nil, "Decode is missing")
	want(o.Store != nil, "Store is missing")
	want(o.Log != nil, "Log is missing")
	want(o.BatchSize > 0, fmt.Sprintf("BatchSize is %d: want 1 or more", o.BatchSize))
	want(o.Concurrency > 0, fmt.Sprintf("Concurrency is %d: want 1 or more", o.Concurrency))
	want(o.MaxMessages >= 0, fmt.Sprintf("MaxMessages is %d: want 0, for no limit, or more", o.MaxMessages))
	want(o.ReceiveTimeout >= 0, fmt.Sprintf("ReceiveTimeout is %v: want 0, for a minute, or more", o.ReceiveTimeout))
	want(o.Lease >= 0, fmt.Sprintf("Lease is %v: want 0, for no leases, or more", o.Lease))
	return errors.Join(errs...)
}

// Consumer processes the deliveries of a queue.
type Consumer struct {
	opts      Options
	observers observers
	budget    *budget
	exclusive *exclusiveGate
	health    *stageHealth
	outages   *outageLog
	customers *customerLog

	// Set by Run.
	queue      streams.Queue
	idle       chan *batch     // buffers for batches; Concurrency of them
	fetchCtx   context.Context // for receiving; ends with the context of Run, or by stopFetch
	stopFetch  context.CancelFunc
	workCtx    context.Context // for batches in flight; ends ShutdownTimeout after fetchCtx
	leases     *leases
	unfinished unfinishedBatches
	inFlight   sync.WaitGroup

	mu   sync.Mutex
	errs []error
}

// New returns a Consumer that is not running yet. The error names each option that
// is missing or out of range.
func New(opts Options) (*Consumer, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	if opts.Gate == nil {
		opts.Gate = NewGate()
	}
	if opts.TraceID == nil {
		opts.TraceID = func(context.Context) string { return "" }
	}
	if opts.Flush == nil {
		opts.Flush = func() error { return nil }
	}
	if opts.Pulse == nil {
		opts.Pulse = &Pulse{}
	}
	opts.Observers = append([]Observer{opts.Pulse.start(opts.Gate)}, opts.Observers...)
	return &Consumer{
		opts:      opts,
		observers: opts.Observers,
		budget:    newBudget(opts.MaxMessages),
		exclusive: newExclusiveGate(),
		health:    &stageHealth{log: opts.Log},
		outages:   newOutageLog(opts.Log, opts.Observers),
		customers: newCustomerLog(opts.Log),
	}, nil
}

// grace bounds the last calls to the queue once their context has ended.
const grace = 4 * time.Second

// Run processes deliveries of q until ctx ends, MaxMessages of them are settled,
// or an error occurs that no retry can mend. It may be called once. It shuts down
// in this order:
//
//  1. The reader stops. A Receive under way returns first; what it returns is
//     processed like the rest.
//  2. Batches in flight finish, or are interrupted after ShutdownTimeout.
//  3. Unfinished deliveries are returned to the queue.
//  4. The heartbeat that renews leases stops.
//  5. The queue is closed.
//
// The error says why the run ended early and which deliveries could neither be
// settled nor returned to the queue. It is nil after a clean shutdown.
func (c *Consumer) Run(ctx context.Context, q streams.Queue) error {
	c.queue, c.leases = q, newLeases(q, c.opts.Lease, c.outages, c.opts.Pulse)
	c.idle = make(chan *batch, c.opts.Concurrency)
	for range c.opts.Concurrency {
		c.idle <- new(batch)
	}
	c.fetchCtx, c.stopFetch = context.WithCancel(ctx)
	defer c.stopFetch()
	workCtx, stopWork := endLater(c.fetchCtx, c.opts.ShutdownTimeout)
	defer stopWork()
	c.workCtx = workCtx

	beatCtx, stopBeats := context.WithCancel(context.WithoutCancel(ctx))
	var beats sync.WaitGroup
	beats.Go(func() { c.leases.beat(beatCtx) })
	c.read()
	c.inFlight.Wait()
	c.nackAtShutdown()
	stopBeats()
	beats.Wait()
	c.close()
	return errors.Join(c.errs...)
}

func (c *Consumer) close() {
	ctx, cancel := onlyGrace(c.fetchCtx)
	defer cancel()
	if err := c.queue.Close(ctx); err != nil {
		c.opts.Log.Warn("warning", "reason", "closing the queue: "+err.Error())
	}
}

// endLater returns a context that ends the given time after ctx.
func endLater(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(after, cancel)
		context.AfterFunc(later, func() { timer.Stop() })
	})
	return later, func() { stop(); cancel() }
}

// withGrace returns a context that ends grace after ctx.
func withGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	return endLater(ctx, grace)
}

// onlyGrace returns a context that ends grace from now, whether ctx has ended or not.
func onlyGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), grace)
}

// abort ends the run because of err; batches in flight may finish.
func (c *Consumer) abort(err error) {
	c.fail(err)
	c.stopFetch()
}

// abandon gives up deliveries because the queue could not be told about them. During
// a run with leases they are delivered again; at its end, or without leases, the run
// has failed.
func (c *Consumer) abandon(err error) {
	if c.opts.Lease > 0 && c.fetchCtx.Err() == nil {
		c.opts.Log.Warn("warning", "status", "error", "reason", err.Error()+"; they are delivered again once their lease has run out")
		return
	}
	c.fail(err)
}

// fail adds an error to those that Run returns, unless it is among them.
func (c *Consumer) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.ContainsFunc(c.errs, func(known error) bool { return known.Error() == err.Error() }) {
		c.errs = append(c.errs, err)
	}
}
