package top

import (
	"time"

	"ingestion/internal/inspect"
	"ingestion/record"
	"ingestion/streams"
)

// liveLength is for how long live samples are kept.
const liveLength = 2 * time.Minute

// point is what happened in one period, and what waited at its end.
type point struct {
	at          time.Time
	length      time.Duration
	outcomes    map[record.Outcome]float64 // nil if unknown
	undelivered float64                    // negative if unknown
}

// samples are points that were measured by looking at the ledger again and again.
type samples struct {
	last   map[record.Outcome]int64
	epoch  int64
	at     time.Time
	points []point
}

// add measures what has happened since the last call. What cannot be read, or began anew
// with another epoch, is unknown.
func (s *samples) add(now *inspect.Status) {
	p := point{at: now.At, length: now.At.Sub(s.at), undelivered: -1}
	counts, epoch := map[record.Outcome]int64(nil), int64(0)
	switch accounts := now.Accounts(); {
	case now.List != nil:
		if now.List.Err == nil {
			p.undelivered = float64(now.List.Length)
		}
	case len(accounts) == len(now.Partitions):
		counts = streams.Total(accounts).Outcomes
		for _, a := range accounts {
			epoch += a.Epoch
		}
		p.undelivered = backlog(now)
	}
	if s.last != nil && counts != nil && epoch == s.epoch && p.length > 0 {
		p.outcomes = map[record.Outcome]float64{}
		for o, n := range counts {
			p.outcomes[o] = float64(max(0, n-s.last[o]))
		}
	}
	s.last, s.epoch, s.at = counts, epoch, now.At
	s.points = append(s.points, p)
	for len(s.points) > 0 && now.At.Sub(s.points[0].at) > liveLength {
		s.points = s.points[1:]
	}
}

// backlog is how many entries are undelivered; negative if that is unknown.
func backlog(s *inspect.Status) float64 {
	var n int64
	for _, p := range s.Partitions {
		if p.BacklogUnknown {
			return -1
		}
		n += p.Undelivered
	}
	return float64(n)
}

// pointsOf are the periods of a history.
func pointsOf(h inspect.History) []point {
	points := make([]point, 0, len(h.Periods))
	for _, period := range h.Periods {
		p := point{at: period.Start, length: h.Unit.Length(), outcomes: map[record.Outcome]float64{}, undelivered: -1}
		for o, n := range period.Outcomes {
			p.outcomes[o] = float64(n)
		}
		if period.UndeliveredKnown {
			p.undelivered = float64(period.Undelivered)
		}
		points = append(points, p)
	}
	return points
}
