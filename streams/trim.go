package streams

import (
	"context"
	"strconv"
	"time"
)

// trimLimit is how many entries one call deletes, about.
const trimLimit = 10_000

// trim deletes what need not be kept and notes how far the work has come. It is
// also how a worker learns that Redis is at maxmemory.
func (s *Stream) trim(ctx context.Context) (time.Duration, error) {
	keepFrom, err := s.keepFrom(ctx)
	if err != nil {
		return trimPause, err
	}
	reply, err := s.run(ctx, trimScript, []string{s.keys.Main, s.keys.Ledger, s.keys.Delayed},
		s.opts.Group, keepFrom, s.opts.MaxEntries, trimLimit).Slice()
	if err != nil {
		return trimPause, wrap(err, "trimming %s", s.keys.Main)
	}
	deleted, _ := reply[0].(int64)
	more, _ := reply[2].(int64)
	due, _ := reply[3].(int64)
	cause := text(reply[4])
	s.noteFloor(text(reply[1]), due)
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

// keepFrom is the oldest ID that is kept by its age; empty keeps all.
func (s *Stream) keepFrom(ctx context.Context) (string, error) {
	if s.opts.Retention < 0 {
		return "", nil
	}
	now, err := s.opts.Client.Time(ctx).Result()
	if err != nil {
		return "", wrap(err, "asking Redis for the time")
	}
	return strconv.FormatInt(max(now.Add(-s.opts.Retention).UnixMilli(), 0), 10), nil
}

// noteFloor keeps the arrival before which nothing is unfinished. A deferred
// record is unfinished from its reserved place on.
func (s *Stream) noteFloor(oldest string, due int64) {
	if oldest == "" {
		return
	}
	floor := arrival(oldest)
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
