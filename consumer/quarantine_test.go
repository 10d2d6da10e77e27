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

// quarantineQueue quarantines the deliveries whose bodies start with "quarantined". As in
// a stream, they are received alone and without their body.
type quarantineQueue struct {
	*fakeQueue
	bodies   map[string][]byte
	attempts []string
	deadly   bool
	during   func() // called when an attempt begins
}

func newQuarantineQueue(bodies ...string) *quarantineQueue {
	return &quarantineQueue{fakeQueue: newQueue(bodies...), bodies: map[string][]byte{}, during: func() {}}
}

func (q *quarantineQueue) Receive(ctx context.Context, most int) ([]streams.Delivery, error) {
	q.mu.Lock()
	next := slices.IndexFunc(q.waiting, isQuarantined)
	if next == 0 {
		most = 1
	} else if next > 0 {
		most = min(most, next)
	}
	q.mu.Unlock()
	got, err := q.fakeQueue.Receive(ctx, most)
	if len(got) == 1 && isQuarantined(got[0]) {
		q.bodies[got[0].ID] = got[0].Body
		got[0].Body, got[0].Quarantined = nil, true
		if q.deadly {
			got[0].Attempts = streams.MaxAttempts
		}
	}
	return got, err
}

func isQuarantined(d streams.Delivery) bool { return strings.HasPrefix(string(d.Body), "quarantined") }

func (q *quarantineQueue) BeginAttempt(_ context.Context, d streams.Delivery) (streams.Delivery, bool, error) {
	q.during()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.attempts = append(q.attempts, d.ID)
	d.Body = q.bodies[d.ID]
	return d, true, nil
}

func TestAQuarantinedAttemptIsExclusive(t *testing.T) {
	r := newRig(t)
	r.opts.BatchSize = 2
	bodies := slices.Concat(numbered(20), []string{"quarantined 1"}, numbered(8), []string{"quarantined 2"}, numbered(5))
	q := newQuarantineQueue(bodies...)
	var mu sync.Mutex
	inserting := 0
	r.store.insert = func(ctx context.Context, docs []store.Document) ([]store.Result, error) {
		mu.Lock()
		inserting++
		mu.Unlock()
		pause(ctx)
		mu.Lock()
		defer mu.Unlock()
		if inserting--; strings.HasPrefix(docs[0].Record.ID, "quarantined") && inserting > 0 {
			t.Error("something else was processed during a quarantined attempt")
		}
		return ingested(docs), nil
	}
	r.opts.Lease = soon
	q.during = func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if len(q.held) != 1 {
			t.Errorf("%d deliveries are held during an attempt, want 1", len(q.held))
		}
	}
	wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Ingested: len(bodies)})
	if len(q.attempts) != 2 {
		t.Errorf("attempts %v, want two", q.attempts)
	}
}

func TestAnEntryWithoutAttemptsLeftIsPoisoned(t *testing.T) {
	r := newRig(t)
	q := newQuarantineQueue("a", "quarantined", "b")
	q.deadly = true
	wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Ingested: 2, record.Poisoned: 1})
	if len(q.attempts) > 0 {
		t.Error("there was another attempt")
	}
}

func TestAQuarantinedAttemptEndsWhenTheGateShuts(t *testing.T) {
	r := newRig(t)
	r.opts.Gate = consumer.NewGate()
	r.opts.Lease = soon
	q := newQuarantineQueue("quarantined")
	away := true
	r.store.insert = func(ctx context.Context, docs []store.Document) ([]store.Result, error) {
		results := make([]store.Result, len(docs))
		if away {
			away = false
			r.opts.Gate.Shut(consumer.Cause{Kind: consumer.MongoDown}, "MongoDB is away")
			<-ctx.Done()
			return results, ctx.Err()
		}
		results[0].Outcome = record.Ingested
		return results, nil
	}
	r.opts.MaxMessages = 1
	r.start(q)
	env.Eventually(t, soon, func() (bool, string) {
		q.mu.Lock()
		defer q.mu.Unlock()
		return len(q.nacked) > 0, "the entry is not nacked" // again if it is received meanwhile
	})
	r.opts.Gate.Open(consumer.Cause{Kind: consumer.MongoDown})
	r.waitOK()
	wantOutcomes(t, q.outcomes(), map[record.Outcome]int{record.Ingested: 1})
	if len(q.attempts) != 2 {
		t.Errorf("%d attempts, want 2", len(q.attempts))
	}
}

func TestAQuarantinedAttemptWaitsForTheStore(t *testing.T) {
	r := newRig(t)
	r.opts.Lease = soon
	q := newQuarantineQueue("quarantined")
	probes := 0
	r.opts.Probe = func(context.Context) error {
		if probes++; probes < 3 {
			return errors.New("MongoDB does not answer")
		}
		return nil
	}
	q.during = func() {
		if probes != 3 {
			t.Errorf("an attempt after %d probes, want 3", probes)
		}
	}
	wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Ingested: 1})
}

func TestShutdownNacksAQuarantinedEntry(t *testing.T) {
	r := newRig(t)
	r.opts.Lease = soon
	q := newQuarantineQueue("quarantined")
	r.opts.Probe = func(context.Context) error {
		r.stop()
		return nil
	}
	r.start(q)
	r.waitOK()
	if n := len(q.outcomes()) + len(q.nacked); n != 1 {
		t.Errorf("settled %v, nacked %v", q.outcomes(), q.nacked)
	}
}
