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
	// lease is how long a process that went on without an answer waits for what it
	// does not know it has. What the dead held need not wait: see age.
	lease = 500 * time.Millisecond
	// deadline is for a single life, on a machine that has a lot else to do.
	deadline = 60 * time.Second

	limit  = 2
	window = time.Hour
)

// life is one process: the pipeline as cmd/worker wires it, with a blade over it.
type life struct {
	name   string
	blade  *blade
	client *redis.Client
	stream *streams.Stream
	store  *mortal
	stop   context.CancelFunc
	done   chan struct{}
	err    error // of Run, once done
}

func (w *world) begin(ctx context.Context, name string, p point) *life {
	l := &life{name: name, blade: newBlade(p), done: make(chan struct{})}
	l.client = redis.NewClient(w.options())
	l.client.AddHook(l.blade)
	w.blades.set(w.name, l.blade)
	log := w.log.With("life", name)
	var err error
	l.stream, err = streams.NewStream(streams.StreamOptions{
		Client: l.client, Key: w.key, Group: group, Consumer: name,
		PollTimeout: 20 * time.Millisecond, ClaimIdle: w.lease, Retention: 0,
		DeadLetters: streams.DeadLetterOptions{On: true, Worker: name}, Log: log,
	})
	if err != nil {
		panic(err)
	}
	s, err := store.New(w.collection(), store.Options{InitialBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond})
	if err != nil {
		panic(err)
	}
	l.store = &mortal{store: s, life: l, holding: make(chan struct{})}
	l.blade.plant = w.plant
	var (
		queue     streams.Queue    = l.stream
		documents consumer.Store   = l.store
		judges    consumer.Limiter = w.limiter(l)
	)
	if w.plant != nil {
		queue, documents, judges = w.plant.queueOver(queue), w.plant.storeOver(w, documents), w.plant.limiterOver(judges)
	}
	ctx, l.stop = context.WithCancel(ctx)
	patience := 10 * time.Second
	if p.step == nack {
		patience = time.Millisecond // only then is a process to end with work in hand
	}
	c, err := consumer.New(consumer.Options{
		Decode: record.Decoder{}.Decode, Limiter: judges, Store: documents, Log: log,
		RedisTime: func(ctx context.Context) (time.Time, error) { return l.client.Time(ctx).Result() },
		BatchSize: 4, Concurrency: 2, Lease: w.lease, ShutdownTimeout: patience,
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

func (w *world) limiter(l *life) *limiter.Limiter {
	judges, err := limiter.New(l.client, limiter.Config{
		Limit: limit, Window: window, Lateness: time.Hour, Bases: []string{w.key}, Floor: l.stream.Floor,
	})
	if err != nil {
		panic(err)
	}
	return judges
}

// run lets a process live until it dies, or ends it orderly when it has nothing
// left to do.
func (w *world) run(ctx context.Context, l *life) error {
	if err := w.await(ctx, l); err != nil {
		return fmt.Errorf("%s (%s): %w", l.name, l.blade.point, err)
	}
	l.stop()
	if l.blade.isDead() {
		// Its connections break. Its goroutines notice that in a while.
		_ = l.client.Close()
		return nil
	}
	select {
	case <-l.done:
	case <-l.blade.dead:
		_ = l.client.Close()
		return nil
	case <-time.After(deadline):
		return fmt.Errorf("%s (%s) does not end", l.name, l.blade.point)
	}
	if l.err != nil && !l.blade.hasStruck() {
		return fmt.Errorf("%s (%s): %w", l.name, l.blade.point, l.err)
	}
	return nil
}

// deadline is short where a bug may keep a life from its end.
func (w *world) deadline() time.Duration {
	if w.plant != nil {
		return deadline / 6
	}
	return deadline
}

// await returns when the process has died or need not go on.
func (w *world) await(ctx context.Context, l *life) error {
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	end := time.After(w.deadline())
	var left string
	for {
		select {
		case <-l.blade.dead:
			return nil
		case <-l.store.holding:
			return nil
		case <-end:
			return fmt.Errorf("not all is worked off: %s", left)
		case <-tick.C:
		}
		var n int64
		var err error
		n, left, err = w.outstanding(ctx)
		if err != nil && !strings.Contains(err.Error(), "NOGROUP") {
			return err
		}
		if err == nil && n == 0 {
			return nil
		}
	}
}

// mortal is a store that dies with its process.
type mortal struct {
	store   *store.Store
	life    *life
	once    sync.Once
	holding chan struct{} // closed when a batch is in hand that will not be inserted
}

func (m *mortal) Insert(ctx context.Context, docs []store.Document) ([]store.Result, error) {
	ctx, cancel := m.life.mortal(ctx)
	defer cancel()
	switch m.life.blade.point.step {
	case nack:
		m.hold(ctx)
	case extend: // lasts until the heartbeat was there
		select {
		case <-m.life.blade.fallen:
		case <-ctx.Done():
		}
	}
	return m.store.Insert(ctx, docs)
}

// hold keeps a batch in hand until the process is told to end.
func (m *mortal) hold(ctx context.Context) {
	m.once.Do(func() { close(m.holding) })
	<-ctx.Done()
}

func (m *mortal) Owned(ctx context.Context, docs []store.Document) ([]bool, error) {
	ctx, cancel := m.life.mortal(ctx)
	defer cancel()
	return m.store.Owned(ctx, docs)
}

// mortal is a context that ends when the process dies.
func (l *life) mortal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-l.blade.dead:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
