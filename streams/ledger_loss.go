package streams

import (
	"context"
	_ "embed"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed ledger_loss.lua
	lossSource string
	lossScript = redis.NewScript(inspectSource + lossSource)
)

const (
	lossPause = time.Second
	// maxLossPause is how late a loss may be detected.
	maxLossPause = time.Minute
	// bytesPerPause lengthens the pause by another lossPause: XINFO STREAM returns the
	// first and the last entry with their bodies, and copying 20 MB takes some 50 ms.
	bytesPerPause = 256 << 10
)

// lossPauseAfter is the pause after a detection that returned that many bytes.
func lossPauseAfter(bytes int64) time.Duration {
	return min(maxLossPause, lossPause*time.Duration(1+bytes/bytesPerPause))
}

// detectLosses counts entries that have no place in the account any more as missing,
// and begins a new epoch if entries are delivered again. It also notes how much is
// still to be read and whether large entries are coming.
func (s *Stream) detectLosses(ctx context.Context) (time.Duration, error) {
	s.detecting.Lock()
	defer s.detecting.Unlock()
	known := s.currentEpoch()
	found, err := s.look(ctx, known)
	if err == nil && known.ended(found) {
		err = s.beginEpoch(ctx, found, known, 0)
	}
	if err != nil {
		s.noteFailure()
		return lossPause, wrap(err, "looking for entries missing from %s", s.keys.Main)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch.id == found.text("epoch_id") {
		s.epoch.seen = found
		if s.epoch.doubt == known.doubt {
			s.epoch.doubt = ""
		}
	}
	return lossPauseAfter(found.integer("brought")), nil
}

// look runs the script and notes its result.
func (s *Stream) look(ctx context.Context, known epochState) (named, error) {
	seen := known.seen
	args := []any{s.opts.Group, seen.text("epoch_id"), seen.integer("added"), seen.text("delivered"), seen.integer("ended"), known.latest(), known.doubt != ""}
	reply, err := s.run(ctx, lossScript, []string{s.keys.Main, s.keys.Ledger}, append(args, endNames()...)...).Result()
	if err != nil {
		return nil, err
	}
	found := namedReply(reply)
	if found.text("delivered") == "" {
		return found, nil // the group is gone: the next read reports it
	}
	if found.integer("epoch") == 0 {
		return found, s.openLedger(ctx, nil)
	}
	s.enterEpoch(found.text("epoch_id"), found.text("again"))
	if lag := found.integer("lag"); lag >= 0 {
		s.lag.Store(lag)
	}
	if found.integer("newest") >= largeEntry {
		s.small.Store(false)
	}
	s.sparse.Store(lossPauseAfter(found.integer("brought")) > lossPause)
	s.reportLosses(found, seen)
	return found, nil
}

// reportLosses logs entries that have no outcome and will never have one.
func (s *Stream) reportLosses(found, seen named) {
	count := found.integer("missing")
	if count == 0 {
		return
	}
	attrs := []any{"status", "error", "stream", s.keys.Main, "count", count}
	delivered, first := found.text("delivered"), found.text("first")
	var reason string
	switch found.text("how") {
	case "skipped":
		if seen.text("epoch_id") == found.text("epoch_id") {
			attrs = append(attrs, "after", seen.text("delivered"))
		}
		attrs = append(attrs, "last", delivered)
		reason = "the consumer group was set forward over entries (XGROUP SETID), or created behind them: no worker receives them, though they may still be on the stream"
	case "deleted":
		if first != "" && before(delivered, first) {
			attrs = append(attrs, "after", delivered, "before", first)
		}
		reason = "another client deleted undelivered entries; they are lost unless the producer sends them again"
	default:
		reason = "entries are neither settled nor pending nor undelivered: another client dropped (XGROUP DELCONSUMER, XACK), skipped or deleted them; they are lost unless a worker still holds them or the producer sends them again"
	}
	s.opts.Log.Error("entries_missing", append(attrs, "reason", reason)...)
}
