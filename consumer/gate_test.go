package consumer_test

import (
	"context"
	"testing"
	"time"

	"ingestion/consumer"
)

func TestNothingIsReceivedWhileTheGateIsShut(t *testing.T) {
	r := newRig(t)
	r.opts.Gate = consumer.NewGate()
	r.opts.Gate.Shut("MongoDB", "MongoDB is away")
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
	r.opts.Gate.Open("MongoDB")
	r.waitOK()
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
		t.Errorf("the gate is open, or the reason is %q", g.Reason())
	}
	g.Open("Redis")
	if err := g.Wait(t.Context()); err != nil || g.Reason() != "" {
		t.Errorf("the gate is shut: %v, %q", err, g.Reason())
	}
}
