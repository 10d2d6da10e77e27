package streams

import (
	"context"
	"fmt"
	"time"
)

const (
	movePause   = 100 * time.Millisecond
	trimPause   = 2 * time.Second
	fullPause   = 250 * time.Millisecond // between looks whether there is room again
	censusPause = time.Second
	moveLimit   = 200 // deferred records put back a call
)

// chore is one kind of upkeep. Its errors are reported once until they change.
type chore struct {
	// do returns after how long it is to be done again.
	do   func(ctx context.Context) (time.Duration, error)
	next time.Time
	said string
}

// Maintain puts deferred records back when they are due, trims the stream,
// counts what strangers took off it and removes idle consumers, until ctx ends.
// Every worker runs it; the scripts make that safe.
func (s *Stream) Maintain(ctx context.Context) {
	chores := []*chore{{do: s.moveDue}, {do: s.trim}, {do: s.takeCensus}, {do: s.sweep}}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		for _, c := range chores {
			if !time.Now().Before(c.next) {
				pause, err := c.do(ctx)
				c.next = time.Now().Add(jitter(pause))
				s.report(ctx, c, err)
			}
		}
		timer.Reset(untilNext(chores))
	}
}

func untilNext(chores []*chore) time.Duration {
	next := chores[0].next
	for _, c := range chores {
		if c.next.Before(next) {
			next = c.next
		}
	}
	return time.Until(next)
}

func (s *Stream) report(ctx context.Context, c *chore, err error) {
	if ctx.Err() != nil {
		return
	}
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != c.said {
		s.opts.Log.Warn("retrying", "status", "error", "server", "Redis", "stream", s.keys.Main, "reason", text)
	}
	c.said = text
}

func pauseUnless(more bool, pause time.Duration) time.Duration {
	if more {
		return 0
	}
	return pause
}

// moveDue puts back what is due by Redis' clock.
func (s *Stream) moveDue(ctx context.Context) (time.Duration, error) {
	size, err := s.opts.Client.ZCard(ctx, s.keys.Delayed).Result()
	if err != nil || size == 0 {
		return movePause, wrap(err, "looking at the delayed set %s", s.keys.Delayed)
	}
	keys := []string{s.keys.Main, s.keys.Delayed, s.keys.DelayedData, s.keys.Ledger, s.keys.Returns, s.keys.Dead}
	letters := 0
	if s.opts.DeadLetters.On {
		letters = 1
	}
	reply, err := s.run(ctx, moveScript, keys, moveLimit, letters, time.Now().UTC().Format(timeLayout), s.opts.DeadLetters.Worker).Slice()
	if err != nil {
		return movePause, wrap(err, "putting deferred records back on %s", s.keys.Main)
	}
	lost, broken := texts(reply[3]), texts(reply[4])
	s.reportSpoiled(lost, broken)
	if cause := text(reply[2]); cause != "" {
		return movePause, fmt.Errorf("putting deferred records back on %s: %s", s.keys.Main, cause)
	}
	moved, _ := reply[0].(int64)
	return pauseUnless(int(moved)+len(lost)+len(broken) == moveLimit, movePause), nil
}

// reportSpoiled says which deferred records somebody has deleted, and which
// nobody can read.
func (s *Stream) reportSpoiled(lost, broken []string) {
	if len(lost) > 0 {
		s.opts.Log.Error("entries_missing", "status", "error", "stream", s.keys.Main, "count", len(lost), "first", lost[0], "last", lost[len(lost)-1],
			"reason", "the fields of deferred entries were deleted by somebody else; they are lost unless the producer sends them again")
	}
	if len(broken) > 0 {
		s.opts.Log.Error("warning", "status", "error", "stream", s.keys.Main, "count", len(broken), "first", broken[0], "last", broken[len(broken)-1],
			"reason", "what is kept of deferred entries can't be read: something else has written to "+s.keys.DelayedData+"; it is among the dead letters, if they are on")
	}
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
