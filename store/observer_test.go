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

// gate is an observer that does what a worker does: it stops reading while the
// store waits.
type gate struct {
	mu   sync.Mutex
	shut bool
}

func (g *gate) Waiting(error, store.Class, time.Duration) { g.set(true) }
func (g *gate) Doubted(store.Doubt)                       {}

func (g *gate) Recovered() { g.set(false) }

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
}

func (g *gate) isShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

func TestGateIsOpenAfterAnyTrouble(t *testing.T) {
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
		if g.isShut() {
			t.Fatal("all is inserted, and the gate is shut")
		}
	}
}

// TestWatchFindsOutThatAllIsWell: the only call that waited gives up, so nobody
// else would notice that the server is back.
func TestWatchFindsOutThatAllIsWell(t *testing.T) {
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
		t.Errorf("the observer saw %v", f.watch.sentences)
	}
}
