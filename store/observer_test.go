package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"ingestion/internal/test/mongo/faulty"
	"ingestion/record"
	"ingestion/store"
)

// gate is an observer as a worker's: it is closed while the store waits.
type gate struct {
	mu     sync.Mutex
	closed bool
}

func (g *gate) Waiting(error, store.Class, time.Duration) { g.set(true) }
func (g *gate) Strike(store.Strike)                       {}

func (g *gate) Recovered() { g.set(false) }

func (g *gate) set(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = closed
}

func (g *gate) isClosed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

func TestRecoveredFollowsWaiting(t *testing.T) {
	g := &gate{}
	f := newFixture(t, faulty.Options{}, func(o *store.Options) { o.Observer, o.InitialBackoff = g, 10*time.Microsecond })
	f.server.Rule("insert", func(call faulty.Call) faulty.Fault {
		if call.N%3 != 0 {
			return faulty.Fault{Code: 262}
		}
		return faulty.Fault{}
	})
	for round := range 30 {
		var calls sync.WaitGroup
		for k := range 4 {
			calls.Go(func() {
				results, err := f.Insert(t.Context(), []store.Document{document(4*round + k)})
				if err != nil {
					t.Error(err)
				}
				all(t, results, record.Ingested)
			})
		}
		calls.Wait()
		if g.isClosed() {
			t.Fatal("the gate is closed after all inserts succeeded")
		}
	}
}

// TestWatchNoticesRecovery: the only call that waited gives up, so no other call would
// notice that the server is back.
func TestWatchNoticesRecovery(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	f.server.Rule("insert", func(faulty.Call) faulty.Fault { return faulty.Fault{Code: 14031} })
	f.server.Script("find", faulty.Fault{Code: 13}, faulty.Fault{Code: 59}, faulty.Fault{CutBefore: true})

	watching, stop := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() { f.Watch(watching) })
	defer watch.Wait()
	defer stop()

	ctx, giveUp := context.WithCancel(t.Context())
	f.watch.onWaiting = func(class store.Class) {
		if class == store.DiskTrouble {
			giveUp()
		}
	}
	if _, err := f.Insert(ctx, documents(1)); !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v", err)
	}
	waitFor(t, func() bool { return f.watch.recoveries() == 1 })
	if f.watch.saw(store.Operator) != 1 || f.watch.saw(store.Configuration) != 1 {
		t.Errorf("the observer saw %v", f.watch.texts)
	}
}
