package streams

import (
	"context"
	"time"
)

// trimLimit is how many entries one call deletes, about.
const trimLimit = 10_000

// trim deletes what need not be kept and notes how far the work has come. It is
// also how a worker learns that Redis is at maxmemory.
func (s *Stream) trim(ctx context.Context) (time.Duration, error) {
	reply, err := s.run(ctx, trimScript, []string{s.keys.Main, s.keys.Ledger, s.keys.Delayed, s.keys.Dead},
		s.opts.Group, s.retention(), s.opts.MaxEntries, trimLimit).Slice()
	if err != nil {
		return trimPause, wrap(err, "trimming %s", s.keys.Main)
	}
	deleted, _ := reply[0].(int64)
	more, _ := reply[2].(int64)
	due, _ := reply[3].(int64)
	cause := text(reply[4])
	if len(reply) == 12 {
		now, _ := reply[7].(int64)
		letters, _ := reply[9].(int64)
		bytes, _ := reply[10].(int64)
		maxmemory, _ := reply[11].(int64)
		s.noteFloor(text(reply[1]), due, now)
		s.reportAhead(text(reply[8]), now)
		s.reportLetters(letters, bytes, maxmemory)
	}
	s.idle.Store(due < 0 && reply[6] == int64(1))
	s.noteRoom(cause)
	short, _ := reply[5].(int64)
	s.reportTrimmed(deleted, short == 1)
	pause := trimPause
	if short == 1 {
		pause = fullPause
	}
	return pauseUnless(more == 1, pause), nil
}

// retention is how many ms settled entries stay; -1 is for ever.
func (s *Stream) retention() int64 {
	if s.opts.Retention < 0 {
		return -1
	}
	return s.opts.Retention.Milliseconds()
}

// noteFloor keeps the arrival before which nothing is unfinished, which is no
// later than now. A deferred record is unfinished from its reserved place on.
func (s *Stream) noteFloor(oldest string, due, now int64) {
	floor := min(arrival(oldest), now)
	if due > 0 {
		floor = min(floor, due)
	}
	s.floor.Store(floor)
}

func (s *Stream) noteRoom(cause string) {
	if full := cause != ""; full != s.full {
		s.full = full
		if s.opts.Full != nil {
			s.opts.Full(cause)
		}
	}
}

// reportTrimmed warns of what goes before its time, once a minute.
func (s *Stream) reportTrimmed(deleted int64, short bool) {
	if deleted == 0 {
		return
	}
	if short && time.Since(s.warnedTrim) > time.Minute {
		s.warnedTrim = time.Now()
		s.opts.Log.Warn("trimmed", "stream", s.keys.Main, "count", deleted,
			"reason", "Redis is at maxmemory or near: settled entries go before STREAM_RETENTION is over")
		return
	}
	s.opts.Log.Debug("trimmed", "stream", s.keys.Main, "count", deleted)
}
