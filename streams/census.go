package streams

import (
	"context"
	"time"

	"ingestion/record"
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

// takeCensus finds out what strangers have taken off the stream before it was
// read, and keeps in mind how much is still to be read, and whether large
// entries are on their way.
func (s *Stream) takeCensus(ctx context.Context) (time.Duration, error) {
	args := []any{s.opts.Group, s.gone}
	for _, outcome := range record.Outcomes() {
		args = append(args, outcome.String())
	}
	reply, err := s.run(ctx, censusScript, []string{s.keys.Main, s.keys.Ledger}, args...).Slice()
	if err != nil {
		return censusPause, wrap(err, "looking for entries missing from %s", s.keys.Main)
	}
	s.gone, _ = reply[0].(int64)
	if lag, _ := reply[4].(int64); lag >= 0 && text(reply[2]) != "" {
		s.lag.Store(lag)
	}
	if newest, _ := reply[5].(int64); newest >= largeEntry {
		s.small.Store(false)
	}
	bodies, _ := reply[6].(int64)
	pause := pauseAfter(bodies)
	s.unwatched.Store(pause > censusPause)
	if unread, _ := reply[1].(int64); unread > 0 {
		s.opts.Log.Error("entries_missing", "status", "error", "stream", s.keys.Main, "count", unread,
			"after", text(reply[2]), "before", text(reply[3]),
			"reason", "somebody else deleted entries that had never been read; they are lost unless the producer sends them again")
	}
	return pause, nil
}
