package console

import (
	"context"
	"sync"
	"time"
)

// cached reads something at most once in a while, however many ask for it: fifty open pages cost
// as much as one, also if a reading takes long. It reads only when asked, and readings do not
// overlap. It is safe for concurrent use.
type cached[T any] struct {
	keep   time.Duration // how long after its end a reading is good
	read   func(ctx context.Context) T
	failed func(T) bool // such a reading is good for failureKept at most; nil: none is

	mu      sync.Mutex // guards the following; nobody reads or waits while holding it
	latest  *taken[T]  // the last reading that is over; nil before
	until   time.Time  // latest is good until then
	running *taken[T]  // nil if none is
	next    *taken[T]  // begins when running is over; nil if nobody asked for it
	stale   bool       // forget was called since running, or else latest, began
}

// failureKept is how long a failure is shown without another attempt.
const failureKept = time.Second

// taken is a reading. Its value may be used when done is closed.
type taken[T any] struct {
	begun  time.Time
	done   chan struct{}
	value  T
	reason any // of a panic; else nil
}

// get returns the last reading if it is good, or else a new one. Those who ask meanwhile get the
// same one; that some of them have gone does not interrupt it. The error is that of ctx.
func (c *cached[T]) get(ctx context.Context) (value T, err error) {
	t := c.current(ctx)
	select {
	case <-t.done:
		return t.result(), nil
	case <-ctx.Done():
		return value, ctx.Err()
	}
}

// soon returns what get would, if the reading is over within a time after its beginning. Otherwise
// it returns the one before, unless that is too old; then nothing is known.
func (c *cached[T]) soon(ctx context.Context, within, old time.Duration) (value T, known bool) {
	t := c.current(ctx)
	select {
	case <-t.done:
		return t.result(), true
	default:
	}
	if before, ok := c.before(old); ok {
		return before, true
	}
	ctx, cancel := context.WithDeadline(ctx, t.begun.Add(within))
	defer cancel()
	select {
	case <-t.done:
		return t.result(), true
	case <-ctx.Done():
		return value, false
	}
}

// before returns the last reading that is over, unless it was over long ago.
func (c *cached[T]) before(old time.Duration) (value T, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.latest == nil || c.latest.reason != nil || time.Since(c.until) > old {
		return value, false
	}
	return c.latest.value, true
}

// result raises a panic of the reading in those who asked for it, whom the server survives.
func (t *taken[T]) result() T {
	if t.reason != nil {
		panic(t.reason)
	}
	return t.value
}

// current returns the reading that is good now, which may not be over. It begins one if need be.
func (c *cached[T]) current(ctx context.Context) *taken[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.next != nil:
		return c.next
	case c.running != nil && !c.stale:
		return c.running
	case c.running == nil && c.latest != nil && !c.stale && time.Now().Before(c.until):
		return c.latest
	}
	t := &taken[T]{begun: time.Now(), done: make(chan struct{})}
	if c.running != nil {
		c.next = t
		return t
	}
	c.running, c.stale = t, false
	go c.run(context.WithoutCancel(ctx), t)
	return t
}

// run makes a reading, and then those that were asked for meanwhile.
func (c *cached[T]) run(ctx context.Context, t *taken[T]) {
	for t != nil {
		c.attempt(ctx, t)
		t = c.end(t)
	}
}

func (c *cached[T]) attempt(ctx context.Context, t *taken[T]) {
	defer func() { t.reason = recover() }()
	t.value = c.read(ctx)
}

// end notes that a reading is over, and returns the next one.
func (c *cached[T]) end(t *taken[T]) *taken[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	keep := c.keep
	if t.reason != nil || c.failed != nil && c.failed(t.value) {
		keep = min(keep, failureKept)
	}
	c.latest, c.until = t, time.Now().Add(keep)
	if c.running, c.next = c.next, nil; c.running != nil {
		c.running.begun, c.stale = time.Now(), false
	}
	close(t.done)
	return c.running
}

// forget makes the next one who asks read anew. It does not wait for a reading that runs.
func (c *cached[T]) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stale = true
}
