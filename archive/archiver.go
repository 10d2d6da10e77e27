package archive

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"ingestion/internal/retry"
)

// Options are the settings of an Archiver. The zero value of a field is its default.
type Options struct {
	Name         string        // of this archiver, for the manifest
	SegmentBytes int           // a segment is closed at so many bytes, uncompressed; 64 MiB
	SegmentAge   time.Duration // or so long after its first entry was read; 1 min
	RenewEvery   time.Duration // interval at which the lease is renewed, or asked for; 5 s
	Poll         time.Duration // pause at the end of the stream; 500 ms
	Grace        time.Duration // at the end of ctx, the time to write what was read; 20 s
	Log          *slog.Logger  // default: none
	Observer     Observer      // default: none
}

// Observer is told what an archiver does. Its functions may be nil. They are called by
// several goroutines, and must not block.
type Observer struct {
	Leased   func(held bool)                      // the lease was taken or lost
	Read     func(entries int, bytes int64)       // a page was read
	Archived func(m Manifest, took time.Duration) // a segment is in the chain
	Failed   func(server string, err error)       // a call to Redis or the bucket failed and will be repeated
}

func (o Options) withDefaults() Options {
	o.SegmentBytes = cmp.Or(o.SegmentBytes, 64<<20)
	o.SegmentAge = cmp.Or(o.SegmentAge, time.Minute)
	o.RenewEvery = cmp.Or(o.RenewEvery, 5*time.Second)
	o.Poll = cmp.Or(o.Poll, 500*time.Millisecond)
	o.Grace = cmp.Or(o.Grace, 20*time.Second)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Observer.Leased == nil {
		o.Observer.Leased = func(bool) {}
	}
	if o.Observer.Read == nil {
		o.Observer.Read = func(int, int64) {}
	}
	if o.Observer.Archived == nil {
		o.Observer.Archived = func(Manifest, time.Duration) {}
	}
	if o.Observer.Failed == nil {
		o.Observer.Failed = func(string, error) {}
	}
	return o
}

// Archiver copies one partition of a stream into its log. It holds at most one segment,
// compressed, and one page of entries.
type Archiver struct {
	source   Source
	log      *Log
	opts     Options
	failures failures
	segment  *Segment
}

// New returns an archiver of one partition.
func New(source Source, log *Log, opts Options) *Archiver {
	opts = opts.withDefaults()
	logger := opts.Log.With("stream", log.Key())
	return &Archiver{source: source, log: log, opts: opts, failures: failures{log: logger, observe: opts.Observer.Failed}, segment: NewSegment()}
}

// Run archives until ctx ends; then it writes what it has read, releases the lease and
// returns nil. While another archiver has the lease it waits. Failures of the bucket and
// of the source are repeated without limit, and logged once a minute; nothing is committed
// that is not in the log. It returns an error only if the source breaks its contract. Run
// is called once at a time.
func (a *Archiver) Run(ctx context.Context) error {
	defer a.release(ctx)
	for {
		held, err := a.lease(ctx)
		switch {
		case err == nil && held:
			a.opts.Observer.Leased(true)
			err = a.serve(ctx)
			a.opts.Observer.Leased(false)
		case err == nil:
			err = retry.Sleep(ctx, a.opts.RenewEvery)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrLeaseLost):
			a.failures.log.Warn("warning", "reason", ErrLeaseLost.Error()+": this one waits")
		case err != nil:
			return err
		}
	}
}

func (a *Archiver) lease(ctx context.Context) (held bool, err error) {
	err = a.try(ctx, redis, func() (err error) {
		held, err = a.source.Lease(ctx)
		return err
	})
	return held, err
}

// release gives the lease back, so that another archiver need not wait for its end.
func (a *Archiver) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.opts.Grace)
	defer cancel()
	if err := a.source.Release(ctx); err != nil {
		a.failures.report(redis, err)
	}
}

// serve archives while this archiver has the lease. At the end of ctx it writes what it has
// read.
func (a *Archiver) serve(ctx context.Context) error {
	leased, lose := context.WithCancelCause(context.WithoutCancel(ctx))
	defer lose(nil)
	go a.renew(leased, lose)
	working, stop := context.WithCancelCause(leased)
	defer stop(nil)
	defer context.AfterFunc(ctx, func() { stop(context.Cause(ctx)) })()

	r := &run{Archiver: a}
	for {
		err := r.follow(working)
		switch {
		case leased.Err() != nil:
			return context.Cause(leased)
		case ctx.Err() != nil:
			last, cancel := context.WithTimeout(leased, a.opts.Grace)
			defer cancel()
			return r.finish(last)
		case !errors.Is(err, ErrMoved):
			return err
		}
		a.failures.log.Warn("warning", "reason", ErrMoved.Error()+": this one reads the end of the chain again")
	}
}

// renew renews the lease until ctx ends, or calls lose once another archiver has it. A
// server that does not answer is no reason: the chain has no double in any case.
func (a *Archiver) renew(ctx context.Context, lose context.CancelCauseFunc) {
	for retry.Sleep(ctx, a.opts.RenewEvery) == nil {
		held, err := a.source.Lease(ctx)
		switch {
		case err == nil && !held:
			lose(ErrLeaseLost)
			return
		case err != nil && ctx.Err() == nil:
			a.failures.report(redis, err)
		}
	}
}

// longestPause is the longest pause between two attempts.
const longestPause = 5 * time.Second

// try repeats op until it succeeds, ctx ends, or the error means that another archiver is at
// work.
func (a *Archiver) try(ctx context.Context, server string, op func() error) error {
	failed := false
	err := retry.Policy{Max: longestPause}.Do(ctx, func() error {
		err := op()
		if errors.Is(err, ErrLeaseLost) || errors.Is(err, ErrMoved) {
			return retry.Permanent(err)
		}
		return err
	}, func(err error, _ time.Duration) {
		failed = true
		a.failures.report(server, err)
	})
	if err == nil && failed {
		a.failures.recovered(server)
	}
	return err
}
