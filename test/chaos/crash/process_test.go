package crash_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/consumer"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

const (
	group = "crash-workers"
	// lease is how long a process that got no reply waits for entries that it does
	// not know it holds. Entries of dead processes are available at once: see
	// expireLeases.
	lease = 500 * time.Millisecond
	// deadline is for a single process on a busy machine.
	deadline = 60 * time.Second

	limit  = 2
	window = time.Hour
)

// process is the pipeline as cmd/worker wires it, with an injector.
type process struct {
	name     string
	injector *injector
	client   *redis.Client
	stream   *streams.Stream
	store    *dyingStore
	stop     context.CancelFunc
	done     chan struct{}
	err      error // of Run, once done
}

func (tr *trial) start(ctx context.Context, name string, p point) *process {
	l := &process{name: name, injector: newInjector(p), done: make(chan struct{})}
	l.client = redis.NewClient(tr.options())
	l.client.AddHook(l.injector)
	tr.injectors.set(tr.name, l.injector)
	log := tr.log.With("process", name)
	l.stream = newStream(streams.StreamOptions{
		Client: l.client, Key: tr.key, Group: group, Consumer: name,
		PollTimeout: 20 * time.Millisecond, ClaimIdle: tr.lease, Retention: 0,
		DeadLetters: streams.DeadLetterOptions{On: true, Worker: name}, Log: log,
	})
	s, err := store.New(tr.collection(), store.Options{InitialBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond})
	if err != nil {
		panic(err)
	}
	l.store = &dyingStore{store: s, process: l, holding: make(chan struct{})}
	l.injector.bug = tr.bug
	var (
		queue     streams.Queue    = l.stream
		documents consumer.Store   = l.store
		judges    consumer.Limiter = tr.limiter(l)
	)
	if tr.bug != nil {
		queue, documents, judges = tr.bug.wrapQueue(queue), tr.bug.wrapStore(tr, documents), tr.bug.wrapLimiter(judges)
	}
	ctx, l.stop = context.WithCancel(ctx)
	shutdownTimeout := 10 * time.Second
	if p.step == nack {
		shutdownTimeout = time.Millisecond // only then does a process stop with work in flight
	}
	c, err := consumer.New(consumer.Options{
		Decode: record.Decoder{}.Decode, Limiter: judges, Store: documents, Log: log,
		RedisTime: func(ctx context.Context) (time.Time, error) { return l.client.Time(ctx).Result() },
		BatchSize: 4, Concurrency: 2, Lease: tr.lease, ShutdownTimeout: shutdownTimeout,
	})
	if err != nil {
		panic(err)
	}
	upkeep, endUpkeep := context.WithCancel(context.WithoutCancel(ctx))
	var keeper sync.WaitGroup
	keeper.Go(func() { l.stream.Maintain(upkeep) })
	go func() {
		defer close(l.done)
		l.err = c.Run(ctx, queue)
		endUpkeep()
		keeper.Wait()
		_ = l.client.Close()
	}()
	return l
}

func newStream(options streams.StreamOptions) *streams.Stream {
	stream, err := streams.NewStream(options)
	if err != nil {
		panic(err)
	}
	return stream
}

func (tr *trial) limiter(l *process) *limiter.Limiter {
	judges, err := limiter.New(l.client, limiter.Config{
		Limit: limit, Window: window, Lateness: time.Hour, Bases: []string{tr.key}, Floor: l.stream.Floor,
	})
	if err != nil {
		panic(err)
	}
	return judges
}

// run waits until the process dies or has nothing left to do; then it is shut down
// cleanly.
func (tr *trial) run(ctx context.Context, l *process) error {
	if err := tr.await(ctx, l); err != nil {
		return fmt.Errorf("%s (%s): %w", l.name, l.injector.point, err)
	}
	l.stop()
	if l.injector.isDead() {
		// Its connections break, which its goroutines notice after a while.
		_ = l.client.Close()
		return nil
	}
	select {
	case <-l.done:
	case <-l.injector.dead:
		_ = l.client.Close()
		return nil
	case <-time.After(deadline):
		return fmt.Errorf("%s (%s) does not exit", l.name, l.injector.point)
	}
	if l.err != nil && !l.injector.triggered() {
		return fmt.Errorf("%s (%s): %w", l.name, l.injector.point, l.err)
	}
	return nil
}

// deadline is shorter with a bug, which may keep a process from finishing.
func (tr *trial) deadline() time.Duration {
	if tr.bug != nil {
		return deadline / 6
	}
	return deadline
}

// await returns when the process has died or may stop.
func (tr *trial) await(ctx context.Context, l *process) error {
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	end := time.After(tr.deadline())
	var left string
	for {
		select {
		case <-l.injector.dead:
			return nil
		case <-l.store.holding:
			return nil
		case <-end:
			return fmt.Errorf("not everything is processed: %s", left)
		case <-tick.C:
		}
		var n int64
		var err error
		n, left, err = tr.outstanding(ctx)
		if err != nil && !strings.Contains(err.Error(), "NOGROUP") {
			return err
		}
		if err == nil && n == 0 {
			return nil
		}
	}
}

// dyingStore is a store whose calls fail when its process dies.
type dyingStore struct {
	store   *store.Store
	process *process
	once    sync.Once
	holding chan struct{} // closed when it holds a batch that it will not insert
}

func (m *dyingStore) Insert(ctx context.Context, docs []store.Document) ([]store.Result, error) {
	ctx, cancel := m.process.context(ctx)
	defer cancel()
	switch m.process.injector.point.step {
	case nack:
		m.hold(ctx)
	case extend: // wait for the heartbeat
		select {
		case <-m.process.injector.reached:
		case <-ctx.Done():
		}
	}
	return m.store.Insert(ctx, docs)
}

// hold keeps a batch until the process is stopped.
func (m *dyingStore) hold(ctx context.Context) {
	m.once.Do(func() { close(m.holding) })
	<-ctx.Done()
}

func (m *dyingStore) Owned(ctx context.Context, docs []store.Document) ([]bool, error) {
	ctx, cancel := m.process.context(ctx)
	defer cancel()
	return m.store.Owned(ctx, docs)
}

// context returns a context that is cancelled when the process dies.
func (l *process) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-l.injector.dead:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
