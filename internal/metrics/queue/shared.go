package queue

import (
	"context"
	"sync"
	"time"
)

const (
	// longestWait is how long a scrape waits for Redis, and longestRead how long a reading
	// may take.
	longestWait = 1900 * time.Millisecond
	longestRead = 1800 * time.Millisecond
	// fresh is how long a result is good for further scrapes, so that many scrapers cost
	// Redis no more than one.
	fresh = time.Second
)

// shared reads once at a time: calls meanwhile, and shortly after, get the same result.
type shared[T any] struct {
	read func(ctx context.Context) T

	mu     sync.Mutex
	latest *reading[T]
}

// reading is a call of read. Its fields are set before done is closed.
type reading[T any] struct {
	done   chan struct{}
	result T
	ended  time.Time
}

// get returns the result of a reading, or false if that takes too long.
func (s *shared[T]) get() (result T, ok bool) {
	r := s.current()
	timer := time.NewTimer(longestWait)
	defer timer.Stop()
	select {
	case <-r.done:
		return r.result, true
	case <-timer.C:
		return result, false
	}
}

// current returns the reading in progress, or the last one if it is fresh. Otherwise it
// starts one.
func (s *shared[T]) current() *reading[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.latest; r != nil {
		select {
		case <-r.done:
			if time.Since(r.ended) < fresh {
				return r
			}
		default:
			return r
		}
	}
	r := &reading[T]{done: make(chan struct{})}
	s.latest = r
	go func() {
		defer close(r.done)
		ctx, cancel := context.WithTimeout(context.Background(), longestRead)
		defer cancel()
		r.result = s.read(ctx)
		r.ended = time.Now()
	}()
	return r
}
