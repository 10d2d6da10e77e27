package consumer_test

import (
	"context"
	"testing"
	"time"

	"ingestion/consumer"
)

func TestTheGateHoldsReadersBack(t *testing.T) {
	r := newRig(t)
	r.opts.Gate = consumer.NewGate()
	r.opts.Gate.Shut("MongoDB", "MongoDB is away")
	s := newQueue("a")
	r.opts.MaxMessages = 1
	r.start(s)
	if r.opts.Gate.Reason() != "MongoDB is away" {
		t.Error("no reason")
	}
	select {
	case <-r.done:
		t.Fatal("it worked through a shut gate")
	case <-time.After(20 * time.Millisecond):
	}
	s.mu.Lock()
	received := s.receives
	s.mu.Unlock()
	if received > 0 {
		t.Error("it read through a shut gate")
	}
	r.opts.Gate.Open("MongoDB")
	if err := r.wait(); err != nil {
		t.Fatal(err)
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
