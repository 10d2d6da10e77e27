package store

import (
	"context"
	"sync"
	"time"
)

// trouble is what the observer was told last. The lock makes Waiting and
// Recovered alternate as they happened: an observer that shuts a gate on the
// one and opens it on the other is never left with a gate shut for nothing.
type trouble struct {
	observer Observer

	mu       sync.Mutex
	told     bool          // Waiting was told, and Recovered not yet
	orphaned chan struct{} // signals that a call gave up while told
}

func newTrouble(observer Observer) *trouble {
	return &trouble{observer: observer, orphaned: make(chan struct{}, 1)}
}

func (t *trouble) waiting(failure *Error, pause time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told = true
	t.observer.Waiting(failure, failure.Class, pause)
}

func (t *trouble) over() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.told {
		t.told = false
		t.observer.Recovered()
	}
}

func (t *trouble) doubted(d Doubt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.observer.Doubted(d)
}

// givenUp notes that a call ended without an answer.
func (t *trouble) givenUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.told {
		return
	}
	select {
	case t.orphaned <- struct{}{}:
	default: // noted already
	}
}

func (t *trouble) isTold() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.told
}

// Watch runs until ctx ends. When a call that waited has given up, nobody may
// be left to find out that MongoDB is back: then Watch checks on it, with the
// same backoff, until Recovered can be told. A worker that stops reading while
// it waits needs it, or it may never read again.
func (s *Store) Watch(ctx context.Context) {
	never := func(error) bool { return false }
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.trouble.orphaned:
		}
		if s.trouble.isTold() {
			_ = s.persist(ctx, "watch", never, s.Check) // fails only when ctx ends
		}
	}
}

// wait pauses between two attempts, telling the observer why if there is a
// failure. It returns early with ctx's error when ctx ends.
func (s *Store) wait(ctx context.Context, pause time.Duration, failure *Error) error {
	if failure != nil {
		s.trouble.waiting(failure, pause)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// recovered notes that the server does what it is asked.
func (s *Store) recovered() { s.trouble.over() }
