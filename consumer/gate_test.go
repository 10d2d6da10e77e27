package consumer_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"ingestion/consumer"
	"ingestion/streams"
)

func TestNothingIsReceivedWhileTheGateIsShut(t *testing.T) {
	r := newRig(t)
	r.opts.Gate = consumer.NewGate()
	r.opts.Gate.Shut(consumer.Cause{Kind: consumer.MongoDown}, "MongoDB is away")
	q := newQueue("a")
	r.opts.MaxMessages = 1
	r.start(q)
	if r.opts.Gate.Reason() != "MongoDB is away" {
		t.Errorf("reason %q", r.opts.Gate.Reason())
	}
	select {
	case <-r.done:
		t.Fatal("Run returned")
	case <-time.After(20 * time.Millisecond):
	}
	q.mu.Lock()
	received := q.receives
	q.mu.Unlock()
	if received > 0 {
		t.Errorf("%d calls of Receive", received)
	}
	r.opts.Gate.Open(consumer.Cause{Kind: consumer.MongoDown})
	r.waitOK()
}

func TestTheGateOpensWhenNoCauseIsLeft(t *testing.T) {
	g := consumer.NewGate()
	g.Shut(consumer.Cause{Kind: consumer.MongoDown}, "MongoDB is away")
	g.Shut(consumer.Cause{Kind: consumer.RedisFull, Of: "s"}, "Redis is full")
	if got := g.Reason(); got != "MongoDB is away; Redis is full" {
		t.Errorf("reason %q", got)
	}
	g.Open(consumer.Cause{Kind: consumer.MongoDown})
	g.Open(consumer.Cause{Kind: consumer.RedisFull, Of: "another"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if g.Wait(ctx) == nil || g.Reason() != "Redis is full" {
		t.Errorf("the gate is open, or the reason is %q", g.Reason())
	}
	g.Open(consumer.Cause{Kind: consumer.RedisFull, Of: "s"})
	if err := g.Wait(t.Context()); err != nil || g.Reason() != "" {
		t.Errorf("the gate is shut: %v, %q", err, g.Reason())
	}
}

func TestACauseLastsSinceTheGateWasShutForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, began := consumer.NewGate(), time.Now()
		full := consumer.Cause{Kind: consumer.RedisFull, Of: "s"}
		g.Shut(full, "full")
		time.Sleep(time.Minute)
		g.Shut(consumer.Cause{Kind: consumer.Paused}, "paused")
		g.Shut(full, "still full")
		want := []consumer.Shut{
			{Cause: full, Reason: "still full", Since: began},
			{Cause: consumer.Cause{Kind: consumer.Paused}, Reason: "paused", Since: began.Add(time.Minute)},
		}
		if got := g.Causes(); !slices.Equal(got, want) {
			t.Errorf("causes %v, want %v", got, want)
		}
	})
}

// patientQueue delivers nothing and waits as long as it may.
type patientQueue struct {
	*fakeQueue
	receiving chan struct{}
}

func (q patientQueue) Receive(ctx context.Context, _ int) ([]streams.Delivery, error) {
	q.receiving <- struct{}{}
	<-ctx.Done()
	return nil, nil
}

func TestTheGateEndsTheWaitForABatch(t *testing.T) {
	r := newRig(t)
	r.opts.Gate = consumer.NewGate()
	q := patientQueue{newQueue(), make(chan struct{})}
	r.start(q)
	<-q.receiving
	paused := consumer.Cause{Kind: consumer.Paused}
	r.opts.Gate.Shut(paused, "paused")
	r.opts.Gate.Open(paused)
	select {
	case <-q.receiving: // again
	case <-time.After(soon):
		t.Error("Receive goes on while the gate is shut")
	}
	r.stop()
	r.waitOK()
}
