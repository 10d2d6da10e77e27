package streams

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed upkeep_trim.lua
	trimSource string
	trimScript = redis.NewScript(inspectSource + historySource + trimSource)
)

const (
	trimLimit = 10_000 // about how many entries one call deletes
	trimPause = 2 * time.Second
	fullPause = 250 * time.Millisecond // while Redis is at maxmemory
)

// trim deletes settled entries that need not be kept, adds to the history, and notes
// what the script found: the floor, whether the partition is idle, whether Redis is at
// maxmemory.
func (s *Stream) trim(ctx context.Context) (time.Duration, error) {
	k := &s.keys
	reply, err := s.run(ctx, trimScript, []string{k.Main, k.Ledger, k.Delayed, k.Dead, k.Returns, k.HistoryMinute, k.HistoryHour, k.Archiver},
		append([]any{s.opts.Group, s.retentionMillis(), s.opts.MaxEntries, trimLimit, ArchiveGroup}, endNames()...)...).Result()
	if err != nil {
		return trimPause, wrap(err, "trimming %s", s.keys.Main)
	}
	found := namedReply(reply)
	if found.text("oldest") != "" {
		now := found.integer("now")
		s.noteFloor(found.text("oldest"), found.integer("due"), now)
		s.reportAhead(found.text("ahead"), now)
		s.reportUnarchived(found.text("unarchived"), now)
		s.letters.note(s.keys.Dead, letterUse{
			count: found.integer("letters"), bytes: found.integer("letter_bytes"), maxmemory: found.integer("maxmemory"),
		})
	}
	s.idle.Store(found.integer("due") < 0 && found.integer("idle") == 1)
	s.noteMemory(found.text("full"))
	short := found.integer("short") == 1
	s.reportTrimmed(found.integer("deleted"), short)
	pause := trimPause
	if short {
		pause = fullPause
	}
	return pauseUnless(found.integer("more") == 1, pause), nil
}

// retentionMillis is how long settled entries stay; -1 is for ever.
func (s *Stream) retentionMillis() int64 {
	if s.opts.Retention < 0 {
		return -1
	}
	return s.opts.Retention.Milliseconds()
}

// noteFloor stores the arrival time before which nothing is unfinished, at most now.
// A deferred record is unfinished from its reserved slot on.
func (s *Stream) noteFloor(oldest string, due, now int64) {
	floor := min(arrival(oldest), now)
	if due > 0 {
		floor = min(floor, due)
	}
	s.floor.Store(floor)
}

// noteMemory reports the beginning and the end of memory pressure; reason is why
// Redis refuses writes, or "".
func (s *Stream) noteMemory(reason string) {
	if full := reason != ""; full != s.full {
		s.full = full
		if s.opts.MemoryPressure != nil {
			s.opts.MemoryPressure(reason)
		}
	}
}

// reportTrimmed logs deleted entries; once a minute as a warning if they are
// deleted before their retention is over.
func (s *Stream) reportTrimmed(deleted int64, short bool) {
	if deleted == 0 {
		return
	}
	if short && time.Since(s.warnedTrim) > time.Minute {
		s.warnedTrim = time.Now()
		s.opts.Log.Warn("trimmed", "stream", s.keys.Main, "count", deleted,
			"reason", "Redis is at maxmemory or close to it: settled entries are deleted before their retention is over")
		return
	}
	s.opts.Log.Debug("trimmed", "stream", s.keys.Main, "count", deleted)
}

// reportAhead logs, once a minute, that the IDs of the stream are ahead of the clock
// of Redis, and when they no longer are. last is the newest ID, or "".
func (s *Stream) reportAhead(last string, now int64) {
	switch {
	case last == "" && !s.warnedAhead.IsZero():
		s.warnedAhead = time.Time{}
		s.opts.Log.Info("warning", "status", "success", "stream", s.keys.Main, "reason", "the clock of Redis has caught up with the stream's IDs")
	case last != "" && time.Since(s.warnedAhead) > time.Minute:
		s.warnedAhead = time.Now()
		s.opts.Log.Warn("warning", "status", "error", "stream", s.keys.Main, "last", last, "reason", fmt.Sprintf(
			"the stream's IDs are %d s ahead of the clock of Redis: the clock was set back, or a producer chose an ID for XADD. Until the clock has caught up, all new IDs are ahead: "+
				"records are limited by the clock, and settled entries stay for up to twice their retention; nothing is lost. "+
				"Let producers use XADD with *; if the clock would take too long, let them continue on another stream", (arrival(last)-now)/1000))
	}
}

// archiverAway is how long nobody may archive before the worker says so: an archiver that
// is started again may have to wait for a lease.
var archiverAway = time.Minute

// unservedPause is how often it says so.
const unservedPause = 10 * time.Minute

// reportUnarchived logs that entries are waiting to be archived and nobody does that, and
// when somebody does again. archived is the last ID that is, or "".
func (s *Stream) reportUnarchived(archived string, now int64) {
	u := &s.unserved
	switch {
	case archived == "":
		if !u.warned.IsZero() {
			s.opts.Log.Info("archive_unserved", "status", "success", "stream", s.keys.Main, "reason", "the stream is archived again")
		}
		u.since, u.warned = time.Time{}, time.Time{}
	case u.since.IsZero():
		u.since = time.Now()
	case time.Since(u.since) >= archiverAway && time.Since(u.warned) >= unservedPause:
		u.warned = time.Now()
		s.opts.Log.Error("archive_unserved", "status", "error", "stream", s.keys.Main, "last", archived, "reason", fmt.Sprintf(
			"no archiver serves the group %q, the last entry of which arrived %d s ago: nothing after it is trimmed, so the stream grows until Redis is full. "+
				"Start an archiver, or, if nothing is to be archived any more, run ingestctl archive detach", ArchiveGroup, max(0, now-arrival(archived))/1000))
	}
}
