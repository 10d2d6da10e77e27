package streams

import (
	"time"

	"ingestion/record"
)

const (
	// quietAfter is for how long a partition that is said to be idle has not been
	// read from.
	quietAfter = 2 * time.Second
	// idleStretch is how much rarer the upkeep of an idle partition is where there
	// are more of them.
	idleStretch = 4
)

// quiet says that nothing is unfinished in the partition, so far as is known,
// and nothing has come for a while.
func (s *Stream) quiet() bool {
	return s.idle.Load() && s.held.Load() <= 0 && time.Since(time.UnixMilli(s.lastCame.Load())) > quietAfter
}

// stretch is how much rarer the upkeep may be: many idle partitions are not to
// make work, each for itself.
func (s *Stream) stretch() float64 {
	if s.oneOfMany && s.quiet() {
		return idleStretch
	}
	return 1
}

// scanPauses are between two scans for entries with a lapsed lease; the longer
// one follows a scan that found nothing pending.
func (s *Stream) scanPauses() (pause, longer time.Duration) {
	pause = time.Duration(float64(longestScanPause) * s.stretch())
	bounded := func(d time.Duration) time.Duration {
		return max(jitter(min(s.opts.ClaimIdle/4, d)), time.Millisecond)
	}
	return bounded(pause), bounded(max(pause, emptyScanPause))
}

// tellDeferred has Maintain look when what was deferred is due.
func (s *Stream) tellDeferred(guarded []*Settlement) {
	for _, set := range guarded {
		if set.Outcome == record.Deferred {
			select {
			case s.deferred <- struct{}{}:
			default:
			}
			return
		}
	}
}
