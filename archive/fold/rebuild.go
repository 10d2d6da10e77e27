package fold

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"gocloud.dev/blob"

	"ingestion/archive"
	"ingestion/consumer"
	"ingestion/internal/retry"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// Options describes a fold. All fields are required unless their comment says otherwise.
type Options struct {
	Redis   redis.UniversalClient
	Keys    []string     // the streams of the partitions, and then others that are read: see Rules.Homes
	Bucket  *blob.Bucket // of the archive; nil: what is on the stream alone
	Archive string       // what Bucket is, for people; a fold is continued only with the same one

	Live *mongo.Collection // never written to
	Into *mongo.Collection
	// Store inserts into Into. Its observer shuts Gate while MongoDB fails.
	Store *store.Store
	Gate  *consumer.Gate

	From, To Bound // limits of what is folded; the zero value is none
	Restart  bool  // drop what an earlier fold into the collection has left
	Rules    Rules
	Lateness time.Duration // how long the limiter keeps a window that is not used

	BatchSize       int
	ShutdownTimeout time.Duration
	Log             *slog.Logger     // of outages; outcomes are not logged
	Progress        func(p Progress) // called after each batch; may be nil
}

// Bound is an ID at which a fold begins or ends, that one included.
type Bound struct {
	Text string // as it was asked for; a fold is continued only with the same one
	ID   string
}

// Progress is how far a fold has come.
type Progress struct {
	Counts
	At, From, To time.Time // the arrival of what was settled last, and of what there is
}

// Fraction is the part that is done, by the time of arrival.
func (p Progress) Fraction() float64 {
	if all := p.To.Sub(p.From); all > 0 {
		return min(1, max(0, float64(p.At.Sub(p.From))/float64(all)))
	}
	return 1
}

// Rebuild is one fold. Create it with New.
type Rebuild struct {
	opts    Options
	notes   *notebook
	windows *windows
	streams []*redisStream
	logs    []*archive.Log // nil without an archive

	mu      sync.Mutex
	state   State
	saved   time.Time
	resumed int64 // ms: the arrival at which this process began
	failing retry.Throttle
	stop    context.CancelCauseFunc
}

// New returns a fold. It asks no server.
func New(opts Options) *Rebuild {
	r := &Rebuild{
		opts: opts, notes: newNotebook(opts.Into), logs: make([]*archive.Log, len(opts.Keys)),
		windows: &windows{client: opts.Redis, name: opts.Into.Database().Name() + "." + opts.Into.Name(), live: opts.Keys, keep: opts.Lateness + opts.Rules.Window},
	}
	for i, key := range opts.Keys {
		r.streams = append(r.streams, newStream(opts.Redis, key))
		if opts.Bucket != nil {
			r.logs[i] = archive.Open(opts.Bucket, key)
		}
	}
	return r
}

// Plan returns what Run would do, or a *Refusal. It changes nothing.
func (r *Rebuild) Plan(ctx context.Context) (*Plan, error) { return r.plan(ctx) }

// errDone ends a fold that has come to its end.
var errDone = errors.New("done")

// Run folds until the end, and returns what became of the entries. If ctx ends before, it
// finishes what is in flight, and returns the error of ctx: another Run, also of another
// process, goes on from there. It returns a *Refusal if it can't begin.
func (r *Rebuild) Run(ctx context.Context) (*State, error) {
	plan, err := r.plan(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.begin(ctx, plan); err != nil {
		return nil, err
	}
	runCtx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.stop = stop
	if err := r.consume(runCtx); err != nil {
		return nil, err
	}
	if cause := context.Cause(runCtx); !errors.Is(cause, errDone) {
		return r.interrupted(ctx, cause)
	}
	return r.finish(ctx)
}

// begin prepares the collection and the windows of a new fold, or takes over one that was
// stopped.
func (r *Rebuild) begin(ctx context.Context, plan *Plan) error {
	r.state = plan.State
	if plan.Resumes {
		r.resumed = r.state.At().UnixMilli()
		return r.notes.take(ctx, &r.state)
	}
	if r.opts.Restart {
		if err := r.opts.Into.Drop(ctx); err != nil {
			return fmt.Errorf("removing %s: %w", r.opts.Into.Name(), err)
		}
	}
	if err := r.windows.create(ctx, r.state.Run); err != nil {
		return err
	}
	if err := copyShape(ctx, r.opts.Live, r.opts.Into); err != nil {
		return err
	}
	if err := r.notes.create(ctx, &r.state); err != nil {
		return err
	}
	return r.notes.take(ctx, &r.state)
}

// consume runs the pipeline until stop is called or ctx ends.
func (r *Rebuild) consume(ctx context.Context) error {
	queue, err := r.queue(ctx)
	if err != nil {
		return err
	}
	opts, err := r.consumerOptions(queue)
	if err != nil {
		return err
	}
	pipeline, err := consumer.New(opts)
	if err != nil {
		return err
	}
	watchCtx, end := context.WithCancel(context.WithoutCancel(ctx))
	var watch sync.WaitGroup
	watch.Go(func() { r.opts.Store.Watch(watchCtx) })
	err = pipeline.Run(ctx, queue)
	end()
	watch.Wait()
	r.note(queue.Position())
	return err
}

// patience is how long the archive or the stream may fail before the fold is given up. It
// can be continued afterwards.
const patience = 2 * time.Minute

func (r *Rebuild) queue(ctx context.Context) (*Queue, error) {
	q := &Queue{
		keys: r.opts.Keys, byName: map[handedName]*handed{}, counts: r.state.Counts.clone(),
		changed: make(chan struct{}, 1), save: r.save, patience: patience,
	}
	q.done = func(err error) {
		if err == nil {
			err = errDone
		}
		r.stop(err)
	}
	var parts []*partition
	for i, p := range r.state.Partitions {
		decided, err := r.decisions(ctx, i)
		if err != nil {
			return nil, err
		}
		q.decided = append(q.decided, decided)
		q.begin = append(q.begin, p.After)
		q.through = append(q.through, p.Through)
		parts = append(parts, &partition{key: p.Key, log: r.logs[i], stream: r.streams[i], at: p.Through, end: p.End, reading: ctx})
	}
	q.entries = newMerger(parts)
	return q, nil
}

// decisions reads what the workers decided about the entries of a partition.
func (r *Rebuild) decisions(ctx context.Context, i int) (*decisions, error) {
	if r.opts.Rules.JudgeAgain {
		return &decisions{}, nil
	}
	var log *archive.Log
	if r.opts.Bucket != nil {
		log = archive.Open(r.opts.Bucket, streams.KeysOf(r.opts.Keys[i]).Outcomes)
	}
	return readDecisions(ctx, log, r.streams[i])
}

func (r *Rebuild) consumerOptions(q *Queue) (consumer.Options, error) {
	rules := r.opts.Rules
	opts := consumer.Options{
		Decode:          record.Decoder{MaxBytes: rules.MaxRecordBytes}.Decode,
		RedisTime:       func(ctx context.Context) (time.Time, error) { return r.opts.Redis.Time(ctx).Result() },
		Store:           freshStore{r.opts.Store},
		Gate:            r.opts.Gate,
		Log:             slog.New(quiet{r.opts.Log.Handler()}),
		BatchSize:       r.opts.BatchSize,
		Concurrency:     1, // so that records are judged in the order of their arrival
		ShutdownTimeout: r.opts.ShutdownTimeout,
	}
	if rules.Limit == 0 {
		return opts, nil
	}
	bases, ahead := r.windows.bases()[:rules.homes(len(r.opts.Keys))], int64(0)
	if rules.Reserve {
		ahead = rules.MaxDelay.Milliseconds() // how much older than its ID the place of a record may be
	}
	l, err := limiter.New(r.opts.Redis, limiter.Config{
		Limit: rules.Limit, Window: rules.Window, Lateness: r.opts.Lateness, Reserve: rules.Reserve, MaxDelay: rules.MaxDelay,
		Bases: bases, Home: func(customerID string) int { return record.HomePartition(customerID, len(bases)) },
		Floor: func() int64 { return q.Floor() - ahead },
	})
	if err != nil {
		return opts, err
	}
	opts.Limiter = judge{l}
	return opts, nil
}

// freshStore answers that no denied record is stored: in a collection that only this fold
// writes to, one that was stored has its place in the window still.
type freshStore struct{ *store.Store }

// Owned returns false for each document.
func (freshStore) Owned(_ context.Context, docs []store.Document) ([]bool, error) {
	return make([]bool, len(docs)), nil
}

// checkpointEvery is how often the state is saved. After a crash, what was processed since
// is processed again.
const checkpointEvery = 500 * time.Millisecond

// save notes the position, and saves it if the last time is long enough ago.
func (r *Rebuild) save(ctx context.Context, p Position) {
	r.note(p)
	if r.opts.Progress != nil {
		r.opts.Progress(r.progress())
	}
	if time.Since(r.saved) < checkpointEvery {
		return
	}
	switch err := r.checkpoint(ctx); {
	case errors.Is(err, ErrTaken), errors.Is(err, errWindows):
		r.stop(err)
	case err != nil && ctx.Err() == nil && r.failing.Allow(err.Error()):
		r.opts.Log.Warn("retrying", "status", "error", "reason", err.Error())
	}
}

func (r *Rebuild) note(p Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Counts = p.Counts
	for i := range p.Through {
		r.state.Partitions[i].Through = p.Through[i]
	}
}

// checkpoint saves the state, and that the windows are in use. They stay as they are until
// the fold has passed those that were there when it was continued: else several pauses could
// add up to more than they are kept.
func (r *Rebuild) checkpoint(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.notes.save(ctx, &r.state); err != nil {
		return err
	}
	r.saved = time.Now()
	if passed := r.state.At().UnixMilli() - r.resumed; r.opts.Rules.Limit > 0 && passed > r.opts.Rules.Window.Milliseconds() {
		return r.windows.keepOn(ctx, r.state.Run)
	}
	return nil
}

func (r *Rebuild) progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Progress()
}

// lastCalls bounds what is done after ctx has ended.
const lastCalls = 10 * time.Second

// interrupted saves the state, so that less has to be done again.
func (r *Rebuild) interrupted(ctx context.Context, cause error) (*State, error) {
	if errors.Is(cause, ErrTaken) || errors.Is(cause, errWindows) {
		return nil, cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastCalls)
	defer cancel()
	if err := r.checkpoint(ctx); err != nil {
		return nil, errors.Join(cause, err)
	}
	return &r.state, cause
}

// finish notes the end, and removes the windows.
func (r *Rebuild) finish(ctx context.Context) (*State, error) {
	now := time.Now().UTC()
	r.state.FinishedAt = &now
	for i := range r.state.Partitions {
		r.state.Partitions[i].Through = r.state.Partitions[i].End
	}
	err := retry.Policy{}.Do(ctx, func() error {
		err := r.checkpoint(ctx)
		if errors.Is(err, ErrTaken) || errors.Is(err, errWindows) {
			return retry.Permanent(err)
		}
		return err
	}, nil)
	if err != nil {
		return nil, err
	}
	if err := r.windows.remove(ctx); err != nil {
		r.opts.Log.Warn("warning", "status", "error", "reason", err.Error()+"; they expire by themselves")
	}
	return &r.state, nil
}

// quiet is a log handler that leaves out the lines of single records.
type quiet struct{ slog.Handler }

// Lines writes nothing. The consumer calls it with the lines of a batch.
func (quiet) Lines(time.Time, func(func(slog.Level, string, []slog.Attr))) error { return nil }
