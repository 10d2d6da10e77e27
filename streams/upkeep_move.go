package streams

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed upkeep_move.lua
	moveSource string
	moveScript = redis.NewScript(needSource + outcomesSource + moveSource)
)

const (
	maxMoved  = 200         // deferred records that one call puts back
	movePause = time.Second // unless a record is due earlier
	// minMovePause is the pause before the next look after this worker has deferred
	// a record.
	minMovePause = 100 * time.Millisecond
)

// moveDue puts back the deferred records that are due by the clock of Redis, and
// returns the pause until the next one is due.
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

// pauseUntil lasts until due, in Unix ms, but at most movePause: other workers may
// defer records that are due earlier. A negative due means never.
func pauseUntil(due int64, now time.Time) time.Duration {
	if due < 0 {
		return movePause
	}
	return min(max(time.UnixMilli(due).Sub(now), minMovePause/10), movePause)
}

func (s *Stream) move(ctx context.Context, now time.Time) (time.Duration, error) {
	keys := []string{s.keys.Main, s.keys.Delayed, s.keys.DelayedData, s.keys.Ledger, s.keys.Returns, s.keys.Dead, s.keys.Outcomes}
	letters := 0
	if s.opts.DeadLetters.On {
		letters = 1
	}
	reply, err := s.run(ctx, moveScript, keys, maxMoved, letters, now.UTC().Format(timeLayout), s.opts.DeadLetters.Worker).Slice()
	if err != nil {
		return movePause, wrap(err, "putting deferred records back on %s", s.keys.Main)
	}
	missing, broken := texts(reply[3]), texts(reply[4])
	s.reportSpoiled(missing, broken)
	if cause := text(reply[2]); cause != "" {
		return movePause, fmt.Errorf("putting deferred records back on %s: %s", s.keys.Main, cause)
	}
	moved := int(integer(reply[0]))
	next, err := strconv.ParseInt(text(reply[1]), 10, 64)
	if err != nil {
		next = -1
	}
	return pauseUnless(moved+len(missing)+len(broken) == maxMoved, pauseUntil(next, now)), nil
}

// reportSpoiled logs deferred records that another client has deleted or damaged.
func (s *Stream) reportSpoiled(missing, broken []string) {
	if len(missing) > 0 {
		s.opts.Log.Error("entries_missing", "status", "error", "stream", s.keys.Main, "count", len(missing), "ids", firstOf(missing),
			"reason", "another client deleted the fields of deferred entries; they are lost unless the producer sends them again")
	}
	if len(broken) > 0 {
		s.opts.Log.Error("warning", "status", "error", "stream", s.keys.Main, "count", len(broken), "ids", firstOf(broken),
			"reason", "the fields of deferred entries can't be read: another client has written to "+s.keys.DelayedData+"; what is left becomes a dead letter, if dead letters are on")
	}
}
