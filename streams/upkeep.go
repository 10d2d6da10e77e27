package streams

import (
	"context"
	"time"
)

const (
	retryPause = 2 * time.Second
	// longestSleep limits how long Maintain sleeps: a chore is due earlier once the
	// partition is no longer quiet.
	longestSleep = time.Second
)

// MaxUpkeep is how many chores run at a time for all partitions of one server.
const MaxUpkeep = 8

// chore is one kind of upkeep.
type chore struct {
	// do returns the pause until it is called again.
	do func(ctx context.Context) (time.Duration, error)
	// quiet is the least pause while the partition is quiet.
	quiet    time.Duration
	exact    bool // no jitter
	last     time.Time
	pause    time.Duration
	failures failureLog
}

// Maintain runs the upkeep until ctx ends: it puts deferred records back when they
// are due, trims the stream, counts what other clients took from it and removes
// idle consumers. Every worker runs it; the scripts make that safe.
func (s *Stream) Maintain(ctx context.Context) {
	chore := func(do func(context.Context) (time.Duration, error), quiet time.Duration, recovery string) *chore {
		return &chore{do: do, quiet: quiet, failures: failureLog{log: s.opts.Log, stream: s.keys.Main, recovery: recovery}}
	}
	move := chore(s.moveDue, movePause, "deferred records are put back")
	move.exact = true
	s.runChores(ctx, move,
		chore(s.trim, 3*time.Second, "the stream is trimmed"),
		chore(s.detectLosses, 2*time.Second, "missing entries are looked for"),
		chore(s.sweep, 0, "idle consumers are looked for"))
}

func (s *Stream) runChores(ctx context.Context, move *chore, others ...*chore) {
	chores := append([]*chore{move}, others...)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.deferred:
			move.pause = min(move.pause, minMovePause)
		case <-timer.C:
		}
		for _, c := range chores {
			if !time.Now().Before(s.due(c)) {
				s.perform(ctx, c)
			}
		}
		timer.Reset(s.untilNext(chores))
	}
}

// perform runs a chore as soon as fewer than MaxUpkeep are running.
func (s *Stream) perform(ctx context.Context, c *chore) {
	if s.upkeep != nil {
		select {
		case s.upkeep <- struct{}{}:
			defer func() { <-s.upkeep }()
		case <-ctx.Done():
			return
		}
	}
	pause, err := c.do(ctx)
	c.last, c.pause = time.Now(), pause
	if !c.exact {
		c.pause = jitter(pause)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		c.pause = min(c.pause, retryPause)
		c.failures.failed(err)
	default:
		c.failures.succeeded()
	}
}

// due is when a chore runs next.
func (s *Stream) due(c *chore) time.Time {
	pause := c.pause
	if s.quiet() && !c.failures.open {
		pause = max(pause, time.Duration(float64(c.quiet)*s.stretch()))
	}
	return c.last.Add(pause)
}

func (s *Stream) untilNext(chores []*chore) time.Duration {
	until := longestSleep
	for _, c := range chores {
		until = min(until, time.Until(s.due(c)))
	}
	return until
}

// pauseUnless returns no pause if there is more to do.
func pauseUnless(more bool, pause time.Duration) time.Duration {
	if more {
		return 0
	}
	return pause
}
