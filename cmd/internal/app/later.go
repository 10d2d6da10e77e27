package app

import (
	"context"
	"sync"

	"golang.org/x/sync/singleflight"
)

// Later is something that is opened on first use, and again after a failure: for a program that starts although a
// server is not there, and shows that. It is safe for concurrent use.
type Later[T any] struct {
	open     func() (T, error)
	attempts singleflight.Group

	mu     sync.Mutex // guards the following
	value  T
	opened bool
}

// NewLater returns a Later that is opened by a function. Attempts do not overlap.
func NewLater[T any](open func() (T, error)) *Later[T] { return &Later[T]{open: open} }

// Get opens it unless it is open. It waits no longer than ctx, which does not end the attempt.
func (l *Later[T]) Get(ctx context.Context) (value T, err error) {
	if value, opened := l.Opened(); opened {
		return value, nil
	}
	attempt := l.attempts.DoChan("", func() (any, error) {
		if _, opened := l.Opened(); opened { // meanwhile
			return nil, nil
		}
		value, err := l.open()
		if err == nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.value, l.opened = value, true
		}
		return nil, err
	})
	select {
	case done := <-attempt:
		if done.Err != nil {
			return value, done.Err
		}
		value, _ = l.Opened()
		return value, nil
	case <-ctx.Done():
		return value, ctx.Err()
	}
}

// Opened returns what is open, and false if nothing is.
func (l *Later[T]) Opened() (T, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.value, l.opened
}
