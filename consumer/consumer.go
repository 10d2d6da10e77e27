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

// Limiter judges whether customers have room for their records, in the order
// of the requests. An error means that the call is to be repeated; if there are
// only *limiter.KeyErrors in it, then the customers named can't be judged for now
// and all other verdicts stand.
type Limiter interface {
	Judge(ctx context.Context, requests []limiter.Request) ([]limiter.Verdict, error)
}

// Store inserts documents durably. It blocks, repeating what can be repeated,
// until each document has an outcome or ctx ends; then those without one have
// Outcome 0.
type Store interface {
	Insert(ctx context.Context, docs []store.Document) ([]store.Result, error)
	// Owned says of each document whether it is stored as this very delivery's
	// own, inserted before a crash or a lost reply.
	Owned(ctx context.Context, docs []store.Document) ([]bool, error)
}

// Options configures a Consumer. Decode, Store and Log are required.
type Options struct {
	Decode  func(body []byte) (record.Record, error) // errors are *record.Refusal
	Limiter Limiter                                  // nil: no limit
	Store   Store
	// ProcessingClock has the limiter judge by the time of processing instead of
	// that of arrival.
	ProcessingClock bool
	// RedisTime tells which reserved places are due already; needed with a
	// limiter that reserves.
	RedisTime func(context.Context) (time.Time, error)
	Gate      *Gate        // closed while reading makes no sense; nil: always open
	Log       *slog.Logger // one line an outcome, and what else happens
	// Probe says whether the store answers; asked before a suspect is tried. May
	// be nil.
	Probe func(context.Context) error
	Flush func() error // writes out log lines before a batch is settled; an error ends the run; may be nil

	BatchSize       int
	Concurrency     int           // batches in flight
	MaxMessages     int64         // settle so many deliveries, then return; 0: no end
	Lease           time.Duration // how long a delivery is ours without a heartbeat; 0: for ever
	ShutdownTimeout time.Duration
	LogRaw          bool // log the beginning of bodies that can't be decoded
}

// Consumer works a queue off. Run may be called once.
type Consumer struct {
	opts   Options
	slots  chan *batch // the room for one batch each
	budget *budget
	room   *room
	// complaints are those of the limiter about customers.
	complaints *complaints
	health     *health
	troubles   *troubles
	// reading ends by stop, or with the context of Run.
	reading context.Context
	stop    context.CancelFunc
	work    sync.WaitGroup

	mu   sync.Mutex
	errs []error
}

// check names what is missing, and numbers with which nothing would ever be read.
func (o *Options) check() error {
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
	want(o.MaxMessages >= 0, fmt.Sprintf("MaxMessages is %d: want 0, for no end, or more", o.MaxMessages))
	return errors.Join(errs...)
}

// New returns a Consumer that is not running yet. The error names each option
// that it can't work with.
func New(opts Options) (*Consumer, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	if opts.Gate == nil {
		opts.Gate = NewGate()
	}
	if opts.Flush == nil {
		opts.Flush = func() error { return nil }
	}
	return &Consumer{opts: opts, budget: newBudget(opts.MaxMessages), room: newRoom(), complaints: newComplaints(opts.Log), troubles: newTroubles(opts.Log), health: &health{log: opts.Log}}, nil
}

// handBackTimeout bounds the last words to the queue once the shutdown time is
// over.
const handBackTimeout = 4 * time.Second

// Run works the queue off until ctx ends, MaxMessages deliveries are settled
// or the store says that waiting can't help, and then shuts down in the order
// that the package states. The error says why it gave up and what could not be
// handed back; it is nil after an orderly end.
func (c *Consumer) Run(ctx context.Context, q streams.Queue) error {
	c.slots = make(chan *batch, c.opts.Concurrency)
	for range c.opts.Concurrency {
		c.slots <- new(batch)
	}
	ctx, c.stop = context.WithCancel(ctx)
	c.reading = ctx
	defer c.stop()
	workCtx, endWork := context.WithCancel(context.WithoutCancel(ctx))
	defer endWork()
	stopTimer := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(c.opts.ShutdownTimeout, endWork)
		context.AfterFunc(workCtx, func() { timer.Stop() })
	})
	defer stopTimer()

	beatCtx, stopBeats := context.WithCancel(context.WithoutCancel(ctx))
	back, held := newReturns(), newLeases(q, c.opts.Lease, c.opts.Log)
	var beats sync.WaitGroup
	beats.Go(func() { held.beat(beatCtx) })
	c.read(ctx, workCtx, q, held, back)
	c.work.Wait()
	c.handBackAll(ctx, q, back)
	stopBeats()
	beats.Wait()
	c.close(ctx, q)
	return errors.Join(c.errs...)
}

func (c *Consumer) close(ctx context.Context, q streams.Queue) {
	ctx, cancel := lastWords(ctx)
	defer cancel()
	if err := q.Close(ctx); err != nil {
		c.opts.Log.Warn("warning", "reason", "closing the queue: "+err.Error())
	}
}

// giveUp ends the care for deliveries that the queue could not be told of. In
// the middle of a run their lease runs out and they come again; at its end, or
// from a queue without leases, that is a failure to report.
func (c *Consumer) giveUp(err error) {
	if c.opts.Lease > 0 && c.reading.Err() == nil {
		c.opts.Log.Warn("warning", "status", "error", "reason", err.Error()+"; they are delivered again once their lease has run out")
		return
	}
	c.fail(err)
}

// fail notes an error; the same one from several batches counts once.
func (c *Consumer) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.ContainsFunc(c.errs, func(known error) bool { return known.Error() == err.Error() }) {
		c.errs = append(c.errs, err)
	}
}
