package streams

import (
	"context"
	"time"
)

const (
	// bodyStep is how many bytes of bodies lengthen the pause between two looks by
	// one more censusPause: Redis tells of a stream only with its first and its
	// last entry, and copying 20 MB takes it some 50 ms.
	bodyStep = 256 << 10
	// longestCensusPause is how late a loss may be told.
	longestCensusPause = time.Minute
)

// pauseAfter is how long to wait after a look that brought so many bytes.
func pauseAfter(bodies int64) time.Duration {
	return min(longestCensusPause, censusPause*time.Duration(1+bodies/bodyStep))
}

// census is what a look at the whole of the stream found; see the script.
type census map[string]any

func (c census) text(name string) string { return text(c[name]) }

func (c census) number(name string) int64 {
	n, _ := c[name].(int64)
	return n
}

// takeCensus finds out what has no place in the account any more, or comes
// again, and keeps in mind how much is still to be read, and whether large
// entries are on their way.
func (s *Stream) takeCensus(ctx context.Context) (time.Duration, error) {
	s.looking.Lock()
	defer s.looking.Unlock()
	known := s.eraNow()
	found, err := s.look(ctx, known)
	if err == nil && found.text("rewound") != "" {
		err = s.beginAnew(ctx, found, known)
	}
	if err != nil {
		s.noteFailure()
		return censusPause, wrap(err, "looking for entries missing from %s", s.keys.Main)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.era.name == found.text("era") {
		s.era.saw = found
		if s.era.doubt == known.doubt {
			s.era.doubt = ""
		}
	}
	return pauseAfter(found.number("brought")), nil
}

// lookBack finds out why entries came which lie before what was read last.
func (s *Stream) lookBack(ctx context.Context, known era) error {
	s.looking.Lock()
	defer s.looking.Unlock()
	found, err := s.look(ctx, known)
	if err == nil && found.text("era") == known.name {
		err = s.beginAnew(ctx, found, known)
	}
	return err
}

// look runs the script and takes in what it tells of.
func (s *Stream) look(ctx context.Context, known era) (census, error) {
	args := []any{s.opts.Group, known.saw.text("era"), known.saw.number("added"), known.saw.text("delivered"), known.saw.number("ended"), known.latest(), known.doubt != ""}
	reply, err := s.run(ctx, censusScript, []string{s.keys.Main, s.keys.Ledger}, append(args, outcomeNames()...)...).Slice()
	if err != nil {
		return nil, err
	}
	found := make(census, len(reply)/2)
	for i := 0; i+1 < len(reply); i += 2 {
		found[text(reply[i])] = reply[i+1]
	}
	if found.text("delivered") == "" {
		return found, nil // the group is gone: reading tells of it
	}
	if found.number("epoch") == 0 {
		return found, s.openLedger(ctx, nil)
	}
	s.enter(found.text("era"), found.text("again"))
	if lag := found.number("lag"); lag >= 0 {
		s.lag.Store(lag)
	}
	if found.number("newest") >= largeEntry {
		s.small.Store(false)
	}
	s.unwatched.Store(pauseAfter(found.number("brought")) > censusPause)
	s.reportUnended(found, known.saw)
	return found, nil
}

// reportUnended tells of entries that have no end, and will have none.
func (s *Stream) reportUnended(found, saw census) {
	count := found.number("missing")
	if count == 0 {
		return
	}
	attrs := []any{"status", "error", "stream", s.keys.Main, "count", count}
	delivered, first := found.text("delivered"), found.text("first")
	var reason string
	switch found.text("how") {
	case "skipped":
		if saw.text("era") == found.text("era") {
			attrs = append(attrs, "after", saw.text("delivered"))
		}
		attrs = append(attrs, "last", delivered)
		reason = "the consumer group was set forward over entries (XGROUP SETID), or begun behind them: no worker gets them, though they may still be on the stream"
	case "deleted":
		if first != "" && before(delivered, first) {
			attrs = append(attrs, "after", delivered, "before", first)
		}
		reason = "somebody else deleted entries that had never been read; they are lost unless the producer sends them again"
	default:
		reason = "entries are neither settled nor pending nor to be read: dropped by XGROUP DELCONSUMER or XACK by hand, perhaps, or skipped or deleted; they are lost unless a worker still holds them or the producer sends them again"
	}
	s.opts.Log.Error("entries_missing", append(attrs, "reason", reason)...)
}
