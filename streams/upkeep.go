package streams

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

const (
	movePause   = time.Second // unless something is due before
	trimPause   = 2 * time.Second
	fullPause   = 250 * time.Millisecond // between looks whether there is room again
	censusPause = time.Second
	retryPause  = 2 * time.Second
	moveLimit   = 200 // deferred records put back a call
	// shortestMovePause is between two looks that deferrals of this worker ask for.
	shortestMovePause = 100 * time.Millisecond
)

// Upkeep is how many partitions of one server are kept in order at a time.
const Upkeep = 8

// chore is one kind of upkeep.
type chore struct {
	// do returns after how long it is to be done again.
	do func(ctx context.Context) (time.Duration, error)
	// idle is how long it may wait while the partition is idle.
	idle    time.Duration
	exact   bool // it is to be done at that time, not about then
	last    time.Time
	pause   time.Duration
	trouble trouble
}

// Maintain puts deferred records back when they are due, trims the stream,
// counts what strangers took off it and removes idle consumers, until ctx ends.
// Every worker runs it; the scripts make that safe.
func (s *Stream) Maintain(ctx context.Context) {
	move := &chore{do: s.moveDue, idle: movePause, exact: true}
	chores := []*chore{
		move,
		{do: s.trim, idle: 3 * time.Second},
		{do: s.takeCensus, idle: 2 * time.Second},
		{do: s.sweep},
	}
	for i, what := range []string{"deferred records are put back", "the stream is trimmed", "missing entries are looked for", "idle consumers are looked for"} {
		chores[i].trouble = trouble{log: s.opts.Log, stream: s.keys.Main, what: what}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.deferred:
			move.pause = min(move.pause, shortestMovePause)
		case <-timer.C:
		}
		for _, c := range chores {
			if !time.Now().Before(s.due(c)) {
				s.attend(ctx, c)
			}
		}
		timer.Reset(s.untilNext(chores))
	}
}

// attend does a chore, when fewer than Upkeep are being done.
func (s *Stream) attend(ctx context.Context, c *chore) {
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
		c.trouble.met(err)
	default:
		c.trouble.over()
	}
}

// due is when a chore is to be done next. It changes when the partition ceases
// to be idle, so nobody may sleep until then without looking again.
func (s *Stream) due(c *chore) time.Time {
	pause := c.pause
	if s.quiet() && !c.trouble.open {
		pause = max(pause, time.Duration(float64(c.idle)*s.stretch()))
	}
	return c.last.Add(pause)
}

func (s *Stream) untilNext(chores []*chore) time.Duration {
	until := time.Second
	for _, c := range chores {
		until = min(until, time.Until(s.due(c)))
	}
	return until
}

func pauseUnless(more bool, pause time.Duration) time.Duration {
	if more {
		return 0
	}
	return pause
}

// moveDue puts back what is due by Redis' clock, and comes back when the next one
// is.
func (s *Stream) moveDue(ctx context.Context) (time.Duration, error) {
	first, err := s.opts.Client.ZRangeWithScores(ctx, s.keys.Delayed, 0, 0).Result()
	if err != nil || len(first) == 0 {
		return movePause, wrap(err, "looking at the delayed set %s", s.keys.Delayed)
	}
	now, err := s.opts.Client.Time(ctx).Result()
	if err != nil {
		return movePause, wrap(err, "asking Redis for the time")
	}
	if due := int64(first[0].Score); due > now.UnixMilli() {
		return pauseUntil(due, now), nil
	}
	return s.move(ctx, now)
}

// pauseUntil lasts until a ms of Redis' clock, but not so long that what others
// defer meanwhile would be late.
func pauseUntil(due int64, now time.Time) time.Duration {
	if due < 0 {
		return movePause
	}
	return min(max(time.UnixMilli(due).Sub(now), shortestMovePause/10), movePause)
}

func (s *Stream) move(ctx context.Context, now time.Time) (time.Duration, error) {
	keys := []string{s.keys.Main, s.keys.Delayed, s.keys.DelayedData, s.keys.Ledger, s.keys.Returns, s.keys.Dead}
	letters := 0
	if s.opts.DeadLetters.On {
		letters = 1
	}
	reply, err := s.run(ctx, moveScript, keys, moveLimit, letters, now.UTC().Format(timeLayout), s.opts.DeadLetters.Worker).Slice()
	if err != nil {
		return movePause, wrap(err, "putting deferred records back on %s", s.keys.Main)
	}
	lost, broken := texts(reply[3]), texts(reply[4])
	s.reportSpoiled(lost, broken)
	if cause := text(reply[2]); cause != "" {
		return movePause, fmt.Errorf("putting deferred records back on %s: %s", s.keys.Main, cause)
	}
	moved, _ := reply[0].(int64)
	next, err := strconv.ParseInt(text(reply[1]), 10, 64)
	if err != nil {
		next = -1
	}
	return pauseUnless(int(moved)+len(lost)+len(broken) == moveLimit, pauseUntil(next, now)), nil
}

// reportSpoiled says which deferred records somebody has deleted, and which
// nobody can read.
func (s *Stream) reportSpoiled(lost, broken []string) {
	if len(lost) > 0 {
		s.opts.Log.Error("entries_missing", "status", "error", "stream", s.keys.Main, "count", len(lost), "ids", someOf(lost),
			"reason", "the fields of deferred entries were deleted by somebody else; they are lost unless the producer sends them again")
	}
	if len(broken) > 0 {
		s.opts.Log.Error("warning", "status", "error", "stream", s.keys.Main, "count", len(broken), "ids", someOf(broken),
			"reason", "what is kept of deferred entries can't be read: something else has written to "+s.keys.DelayedData+"; it is among the dead letters, if they are on")
	}
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
