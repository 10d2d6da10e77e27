package consumer_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"ingestion/internal/test/env"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/streams"
)

// postponing is a shelf that keeps deliveries back by itself until they are let
// go.
type postponing struct {
	*shelf
	kept []streams.Delivery
}

func (p *postponing) NackWithDelay(_ context.Context, held []streams.Delivery) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range held {
		delete(p.held, d.ID)
	}
	p.kept = append(p.kept, held...)
	return nil
}

func (p *postponing) letGo() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting, p.kept = append(p.kept, p.waiting...), nil
}

func (p *postponing) keeps() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.kept)
}

// barring is a limiter that can't judge customers whose name has an x while it
// is broken.
func barring(broken *atomic.Bool) verdicts {
	return func(requests []limiter.Request) ([]limiter.Verdict, error) {
		answers := make([]limiter.Verdict, len(requests))
		var err error
		for i, r := range requests {
			if broken.Load() && strings.Contains(r.CustomerID, "x") {
				err = &limiter.KeyError{CustomerID: r.CustomerID, Key: "k:" + r.CustomerID}
				continue
			}
			answers[i] = limiter.Verdict{Decision: limiter.Admitted}
		}
		return answers, err
	}
}

// TestWindowThatCannotBeUsed wants the records of one customer to wait, and the
// others in the batch to go on.
func TestWindowThatCannotBeUsed(t *testing.T) {
	r := newRig(t)
	var broken atomic.Bool
	broken.Store(true)
	r.opts.Limiter, r.opts.MaxMessages = barring(&broken), 4
	s := &postponing{shelf: newShelf("a", "x", "b", "bad")}
	r.start(s)
	env.Eventually(t, soon, func() (bool, string) {
		settled := s.outcomes()
		return len(settled) == 2 && s.keeps() == 1, fmt.Sprintf("outcomes %v, %d kept back", settled, s.keeps())
	})
	wantOutcomes(t, s.outcomes(), map[record.Outcome]int{record.Ingested: 2, record.Malformed: 1})
	if told := r.out.events("warning"); len(told) != 1 || told[0]["customerId"] != "c-x" || told[0]["level"] != "ERROR" ||
		!strings.Contains(fmt.Sprint(told[0]["reason"]), `"k:c-x"`) {
		t.Errorf("complaints %v, want one that names the customer and the key", told)
	}
	broken.Store(false)
	s.letGo()
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, s.outcomes(), map[record.Outcome]int{record.Ingested: 3, record.Malformed: 1})
	if told := r.out.events("retrying"); len(told) != 1 || told[0]["customerId"] != "c-x" || told[0]["status"] != "success" {
		t.Errorf("lines %v, want one that says that it is over", told)
	}
}

// TestWindowThatCannotBeUsedOfAList has a queue that can't keep anything back: it
// gets back what waits, and has it still after a shutdown.
func TestWindowThatCannotBeUsedOfAList(t *testing.T) {
	r := newRig(t)
	var broken atomic.Bool
	broken.Store(true)
	r.opts.Limiter = barring(&broken)
	s := newShelf("a", "x", "b", "x2")
	r.start(s)
	env.Eventually(t, soon, func() (bool, string) {
		settled := s.outcomes()
		return settled[record.Ingested] == 2, fmt.Sprintf("outcomes %v", settled)
	})
	r.stop()
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	if len(s.waiting) != 2 || s.waiting[0].ID != "2-0" || s.waiting[1].ID != "4-0" || len(s.held) != 0 {
		t.Errorf("waiting after the shutdown: %v, held: %v", s.waiting, s.held)
	}
	broken.Store(false)
	again := newRig(t)
	again.opts.Limiter = barring(&broken)
	again.runAll(s)
	wantOutcomes(t, s.outcomes(), map[record.Outcome]int{record.Ingested: 4})
}
