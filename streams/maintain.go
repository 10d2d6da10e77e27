package streams

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

const (
	trimPause = 2 * time.Second
	trimLimit = 10_000 // entries deleted a call
	movePause = 100 * time.Millisecond
	moveLimit = 200 // deferred records put back a call
)

// Maintain puts deferred records back when they are due and trims the stream,
// until ctx ends. Every worker runs it; the scripts make that safe. Errors are
// reported once until they change, and the work goes on.
func (s *Stream) Maintain(ctx context.Context) {
	moves, trims := complaint{stream: s}, complaint{stream: s}
	var nextMove, nextTrim time.Time
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		if !now.Before(nextMove) {
			more, err := s.moveDue(ctx)
			moves.report(ctx, err)
			nextMove = now.Add(pauseUnless(more, movePause))
		}
		if !now.Before(nextTrim) {
			more, err := s.trim(ctx)
			trims.report(ctx, err)
			nextTrim = now.Add(pauseUnless(more, trimPause))
		}
		timer.Reset(min(time.Until(nextMove), time.Until(nextTrim)))
	}
}

// complaint says what is wrong with one kind of upkeep, once until it changes.
type complaint struct {
	stream *Stream
	said   string
}

func (c *complaint) report(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != c.said {
		c.stream.opts.Log.Warn("retrying", "status", "error", "server", "Redis", "stream", c.stream.keys.Main, "reason", text)
	}
	c.said = text
}

func pauseUnless(more bool, pause time.Duration) time.Duration {
	if more {
		return 0
	}
	return jitter(pause)
}

// moveDue puts back what is due by Redis' clock and says whether more waits.
func (s *Stream) moveDue(ctx context.Context) (more bool, err error) {
	size, err := s.opts.Client.ZCard(ctx, s.keys.Delayed).Result()
	if err != nil || size == 0 {
		return false, wrap(err, "looking at the delayed set %s", s.keys.Delayed)
	}
	now, err := s.opts.Client.Time(ctx).Result()
	if err != nil {
		return false, wrap(err, "asking Redis for the time")
	}
	keys := []string{s.keys.Main, s.keys.Delayed, s.keys.DelayedData, s.keys.Ledger}
	reply, err := s.run(ctx, moveScript, keys, now.UnixMilli(), moveLimit).Slice()
	if err != nil {
		return false, wrap(err, "putting deferred records back on %s", s.keys.Main)
	}
	if cause := text(reply[2]); cause != "" {
		return false, fmt.Errorf("putting deferred records back on %s: %s", s.keys.Main, cause)
	}
	moved, _ := reply[0].(int64)
	return moved == moveLimit, nil
}

// trim deletes what need not be kept and notes how far the work has come.
func (s *Stream) trim(ctx context.Context) (more bool, err error) {
	keepFrom := ""
	if s.opts.Retention >= 0 {
		now, err := s.opts.Client.Time(ctx).Result()
		if err != nil {
			return false, wrap(err, "asking Redis for the time")
		}
		keepFrom = strconv.FormatInt(now.Add(-s.opts.Retention).UnixMilli(), 10)
	}
	reply, err := s.run(ctx, trimScript, []string{s.keys.Main, s.keys.Ledger, s.keys.Delayed},
		s.opts.Group, keepFrom, s.opts.MaxEntries, trimLimit).Slice()
	if err != nil {
		return false, wrap(err, "trimming %s", s.keys.Main)
	}
	deleted, _ := reply[0].(int64)
	if oldest := text(reply[1]); oldest != "" {
		floor := arrival(oldest)
		if due, _ := reply[3].(int64); due > 0 {
			floor = min(floor, due)
		}
		s.floor.Store(floor)
	}
	if deleted > 0 {
		s.opts.Log.Debug("trimmed", "stream", s.keys.Main, "count", deleted)
	}
	again, _ := reply[2].(int64)
	return again == 1, nil
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
