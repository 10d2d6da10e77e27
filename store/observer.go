package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ingestion/internal/retry"
)

// Observer receives the store's retries and strikes. Its methods are called one at
// a time, from the goroutines that call the store. They must not block and must not
// call the store.
type Observer interface {
	// Waiting is called after each failed attempt, before a pause of the given length.
	// err is an *Error; its text is fit for a log.
	Waiting(err error, class Class, pause time.Duration)
	// Recovered is called once when an attempt succeeds after Waiting. If the call
	// that waited gave up first, only Watch notices.
	Recovered()
	// Strike is called for each strike against a record.
	Strike(Strike)
}

type noObserver struct{}

func (noObserver) Waiting(error, Class, time.Duration) {}
func (noObserver) Recovered()                          {}
func (noObserver) Strike(Strike)                       {}

// notifier calls the observer. Its lock keeps Waiting and Recovered in the order in
// which they happened, so that an observer which closes a gate on the one and opens
// it on the other never leaves the gate closed by mistake.
type notifier struct {
	observer Observer

	mu        sync.Mutex
	isWaiting bool          // Waiting was called, and Recovered not yet
	giveUps   chan struct{} // receives when a call gives up while isWaiting
}

func newNotifier(observer Observer) *notifier {
	return &notifier{observer: observer, giveUps: make(chan struct{}, 1)}
}

func (n *notifier) waiting(failure *Error, pause time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.isWaiting = true
	n.observer.Waiting(failure, failure.Class, pause)
}

// recovered notes that the server works.
func (n *notifier) recovered() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.isWaiting {
		n.isWaiting = false
		n.observer.Recovered()
	}
}

func (n *notifier) strike(s Strike) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.observer.Strike(s)
}

// abandoned notes that a call gave up without an answer from the server.
func (n *notifier) abandoned() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.isWaiting {
		return
	}
	select {
	case n.giveUps <- struct{}{}:
	default: // noted already
	}
}

func (n *notifier) stillWaiting() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.isWaiting
}

// Watch runs until ctx ends. When a call that waited gives up, no call may be left
// to notice that MongoDB is back; Watch then checks with the same backoff until it
// can report Recovered. A program that stops reading on Waiting needs it, or may
// never read again.
func (s *Store) Watch(ctx context.Context) {
	never := func(error) bool { return false }
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.notifier.giveUps:
		}
		if s.notifier.stillWaiting() {
			_ = s.retry(ctx, "watch", never, s.Check) // fails only when ctx ends
		}
	}
}

// retry repeats do with backoff until it succeeds, ctx ends, or it returns an error
// that is no *Error or that final accepts. what names the operation in the error.
func (s *Store) retry(ctx context.Context, what string, final func(error) bool, do func(context.Context) error) error {
	var failure *Error // the last one to be retried
	err := s.backoff.Do(ctx, func() error {
		err := do(ctx)
		if !errors.As(err, &failure) || final(err) {
			failure = nil
			return retry.Permanent(err)
		}
		return err
	}, func(_ error, pause time.Duration) { s.notifier.waiting(failure, pause) })
	if failure != nil { // ctx ended
		err = s.ended(ctx, failure)
	}
	if err != nil {
		return fmt.Errorf("store: %s: %w", what, err)
	}
	return nil
}

// wait pauses between two attempts and reports the failure, if any. It returns
// ctx's error as soon as ctx ends.
func (s *Store) wait(ctx context.Context, pause time.Duration, failure *Error) error {
	if failure != nil {
		s.notifier.waiting(failure, pause)
	}
	return retry.Sleep(ctx, pause)
}

// ended returns the error of a call that ctx ended, after the given failure or nil.
func (s *Store) ended(ctx context.Context, last *Error) error {
	s.notifier.abandoned()
	if last == nil || last.Class == Canceled {
		return ctx.Err()
	}
	return retry.Ended(ctx.Err(), last)
}
