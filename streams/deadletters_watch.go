package streams

import (
	"fmt"
	"time"
)

// From how many dead letters on, or from which part of maxmemory, the worker
// warns of them.
const (
	manyLetters  = 1_000_000
	lettersShare = 10
)

// reportAhead says once a minute that the stream's IDs lie ahead of Redis' clock,
// and when they don't any more. last is the newest one, or empty.
func (s *Stream) reportAhead(last string, now int64) {
	switch {
	case last == "" && !s.warnedAhead.IsZero():
		s.warnedAhead = time.Time{}
		s.opts.Log.Info("warning", "status", "success", "stream", s.keys.Main, "reason", "Redis' clock has caught up with the stream's IDs")
	case last != "" && time.Since(s.warnedAhead) > time.Minute:
		s.warnedAhead = time.Now()
		s.opts.Log.Warn("warning", "status", "error", "stream", s.keys.Main, "last", last, "reason", fmt.Sprintf(
			"the stream's IDs are %d s ahead of Redis' clock: it was set back, or somebody chose an ID for XADD. Until it has caught up all new IDs are, "+
				"so records are judged by the clock, and settled entries stay for up to twice STREAM_RETENTION; nothing is lost. "+
				"Have producers use XADD with *; if that lies too far ahead, have them go on with another STREAM_KEY", (arrival(last)-now)/1000))
	}
}

// reportLetters warns once when dead letters have become so many that they may
// fill Redis, and says when they are fewer again. bytes is negative where it is
// not known.
func (s *Stream) reportLetters(count, bytes, maxmemory int64) {
	many := count >= manyLetters || maxmemory > 0 && bytes > maxmemory/lettersShare
	if many == s.warnedLetters {
		return
	}
	s.warnedLetters = many
	attrs := []any{"stream", s.keys.Dead, "count", count}
	if bytes >= 0 {
		attrs = append(attrs, "bytes", bytes)
	}
	if many {
		s.opts.Log.Warn("warning", append(attrs, "status", "error", "reason", fmt.Sprintf(
			"dead letters are %d or more, or take a tenth of maxmemory: nothing removes them but ingestctl dead replay and dead purge, or DLQ_MAX_ENTRIES", manyLetters))...)
		return
	}
	s.opts.Log.Info("warning", append(attrs, "status", "success", "reason", "dead letters take less room again")...)
}
