package consumer_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"ingestion/consumer"
	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// ward is a shelf whose deliveries are suspects where their bodies say so. They
// come as from a stream: alone and unread.
type ward struct {
	*shelf
	bodies map[string][]byte
	tries  []string
	deadly bool
	// during is called when a try begins.
	during func()
}

func newWard(bodies ...string) *ward {
	return &ward{shelf: newShelf(bodies...), bodies: map[string][]byte{}, during: func() {}}
}

func (w *ward) Receive(ctx context.Context, most int) ([]streams.Delivery, error) {
	w.mu.Lock()
	next := slices.IndexFunc(w.waiting, suspected)
	if next == 0 {
		most = 1
	} else if next > 0 {
		most = min(most, next)
	}
	w.mu.Unlock()
	got, err := w.shelf.Receive(ctx, most)
	if len(got) == 1 && suspected(got[0]) {
		w.bodies[got[0].ID] = got[0].Body
		got[0].Body, got[0].Quarantined = nil, true
		if w.deadly {
			got[0].Attempts = streams.MaxAttempts
		}
	}
	return got, err
}

func suspected(d streams.Delivery) bool { return strings.HasPrefix(string(d.Body), "suspect") }

func (w *ward) BeginAttempt(_ context.Context, d streams.Delivery) (streams.Delivery, bool, error) {
	w.during()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tries = append(w.tries, d.ID)
	d.Body = w.bodies[d.ID]
	return d, true, nil
}

func TestASuspectIsTriedWhileNothingElseIsHeld(t *testing.T) {
	r := newRig(t)
	r.opts.BatchSize = 2
	bodies := slices.Concat(numbered(20), []string{"suspect 1"}, numbered(8), []string{"suspect 2"}, numbered(5))
	w := newWard(bodies...)
	var mu sync.Mutex
	inserting := 0
	ingest := func(docs []store.Document) []store.Result {
		results := make([]store.Result, len(docs))
		for i := range results {
			results[i].Outcome = record.Ingested
		}
		return results
	}
	r.store.insert = func(ctx context.Context, docs []store.Document) ([]store.Result, error) {
		mu.Lock()
		inserting++
		mu.Unlock()
		pause(ctx)
		mu.Lock()
		defer mu.Unlock()
		if inserting--; strings.HasPrefix(docs[0].Record.ID, "suspect") && inserting > 0 {
			t.Error("something else was worked on beside a suspect")
		}
		return ingest(docs), nil
	}
	r.opts.Limiter = nil
	r.opts.Lease = soon
	w.during = func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.held) != 1 {
			t.Errorf("%d deliveries are held during a try", len(w.held))
		}
	}
	r.opts.MaxMessages = int64(len(bodies))
	r.start(w)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, w.outcomes(), map[record.Outcome]int{record.Ingested: len(bodies)})
	if len(w.tries) != 2 {
		t.Errorf("tried %v", w.tries)
	}
}

func TestWhatHasKilledTooOftenIsPoisonedUntried(t *testing.T) {
	r := newRig(t)
	w := newWard("a", "suspect", "b")
	w.deadly = true
	r.opts.MaxMessages = 3
	r.start(w)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, w.outcomes(), map[record.Outcome]int{record.Ingested: 2, record.Poisoned: 1})
	if len(w.tries) > 0 {
		t.Error("it was tried once more")
	}
}

func TestATryEndsOrderlyWhenTheStoreGoesAway(t *testing.T) {
	r := newRig(t)
	r.opts.Gate = consumer.NewGate()
	r.opts.Lease = soon
	w := newWard("suspect")
	away := true
	r.store.insert = func(ctx context.Context, docs []store.Document) ([]store.Result, error) {
		results := make([]store.Result, len(docs))
		if away {
			away = false
			r.opts.Gate.Shut("MongoDB", "MongoDB is away")
			<-ctx.Done()
			return results, ctx.Err()
		}
		results[0].Outcome = record.Ingested
		return results, nil
	}
	r.opts.MaxMessages = 1
	r.start(w)
	env.Eventually(t, soon, func() (bool, string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.handed) == 1, "the suspect is not handed back"
	})
	r.opts.Gate.Open("MongoDB")
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, w.outcomes(), map[record.Outcome]int{record.Ingested: 1})
	if len(w.tries) != 2 {
		t.Errorf("tried %d times", len(w.tries))
	}
}

func TestNoTryBeginsWhileTheStoreDoesNotAnswer(t *testing.T) {
	r := newRig(t)
	r.opts.Lease = soon
	w := newWard("suspect")
	probes := 0
	r.opts.Probe = func(context.Context) error {
		if probes++; probes < 3 {
			return errors.New("no MongoDB answers")
		}
		return nil
	}
	w.during = func() {
		if probes != 3 {
			t.Errorf("tried after %d probes", probes)
		}
	}
	wantOutcomes(t, func() map[record.Outcome]int {
		r.opts.MaxMessages = 1
		r.start(w)
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		return w.outcomes()
	}(), map[record.Outcome]int{record.Ingested: 1})
}

func TestASuspectThatIsNotTriedAtShutdownIsHandedBack(t *testing.T) {
	r := newRig(t)
	r.opts.Lease = soon
	w := newWard("suspect")
	r.opts.Probe = func(context.Context) error {
		r.stop()
		return nil
	}
	r.start(w)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	if n := len(w.outcomes()) + len(w.handed); n != 1 {
		t.Errorf("settled %v, handed back %v", w.outcomes(), w.handed)
	}
}

func TestTheGateOpensWhenNoCauseIsLeft(t *testing.T) {
	g := consumer.NewGate()
	g.Shut("MongoDB", "MongoDB is away")
	g.Shut("Redis", "Redis is full")
	if got := g.Reason(); got != "MongoDB is away; Redis is full" {
		t.Errorf("reason %q", got)
	}
	g.Open("MongoDB")
	g.Open("nothing")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if g.Wait(ctx) == nil || g.Reason() != "Redis is full" {
		t.Errorf("open too early, or reason %q", g.Reason())
	}
	g.Open("Redis")
	if err := g.Wait(t.Context()); err != nil || g.Reason() != "" {
		t.Errorf("still shut: %v, %q", err, g.Reason())
	}
}
