package limiter

import "time"

// Replay judges the records of one customer anew, in order of arrival, as if there had
// been no others and none had come late: what another limit would have decided. It
// answers as [Model] does for such records, at a cost that does not grow with their
// number. It is not for concurrent use.
type Replay struct {
	limit  Limit
	delay  int64            // ms that a place may lie ahead; -1: never reserved
	places []int64          // in order of time
	latest map[string]int64 // place by record
}

// NewReplay returns a replay under a limit. If reserve is true, records over it get a
// place up to maxDelay ahead.
func NewReplay(limit Limit, reserve bool, maxDelay time.Duration) *Replay {
	delay := int64(-1)
	if reserve {
		delay = min(maxDelay.Milliseconds(), MaxWindowsAhead*limit.Window.Milliseconds())
	}
	return &Replay{limit: limit, delay: delay, latest: make(map[string]int64)}
}

// Judge answers for the next record. at is its arrival in ms since 1970, no earlier than
// that of the record before.
func (r *Replay) Judge(member string, at int64) Verdict {
	switch r.limit.Mode {
	case Off:
		return Verdict{Decision: Admitted, Place: at, Limit: r.limit}
	case Block:
		return Verdict{Decision: Refused, Limit: r.limit}
	}
	place, known := r.latest[member]
	if !known || !r.near(at, place) {
		place = r.earliest(at)
		if place-at > max(r.delay, 0) {
			return Verdict{Decision: Refused, RetryAt: place, Limit: r.limit}
		}
		r.places, r.latest[member] = append(r.places, place), place
	}
	if r.delay >= 0 && place > at {
		return Verdict{Decision: Reserved, Place: place, Limit: r.limit}
	}
	return Verdict{Decision: Admitted, Place: place, Limit: r.limit}
}

// near reports whether a record that comes again keeps its place.
func (r *Replay) near(at, place int64) bool {
	window := r.limit.Window.Milliseconds()
	return at-place < window && place-at < window+max(r.delay, 0)
}

// earliest is the first time from at on with room. Records in order of arrival get
// places in order of time, so only the place one limit ago counts.
func (r *Replay) earliest(at int64) int64 {
	if n := len(r.places); n >= r.limit.Records {
		return max(at, r.places[n-r.limit.Records]+r.limit.Window.Milliseconds())
	}
	return at
}
