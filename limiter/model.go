package limiter

import (
	"maps"
	"slices"
	"time"
)

// Model is the rule in Go, without Redis, pruning, expiry or thought for speed:
// the reference that the script is held against. It is not for concurrent use.
type Model struct {
	Reserve  bool
	MaxDelay time.Duration

	customers map[string]map[name]int64
}

// name is what a place is found by. The latest place of an ID has the ID alone;
// its others have the window, and the number of the window, that they are in.
type name struct {
	id             string
	window, number int64
}

// Judge answers as Limiter.Judge does, for one request under one limit. The model
// has no clock: At is positive, and no later than the clock would be.
func (m *Model) Judge(r Request, limit Limit) Verdict {
	switch limit.Mode {
	case Off:
		return Verdict{Decision: Admitted, Place: r.At, Limit: limit}
	case Block:
		return Verdict{Decision: Refused, Limit: limit}
	}
	places := m.of(r.CustomerID)
	place, known := m.known(places, r, limit)
	if !known {
		place = earliest(places, r.At, limit)
		if place-r.At > m.delay(limit) {
			return Verdict{Decision: Refused, RetryAt: place, Limit: limit}
		}
		record(places, r.Member, place, limit)
	}
	if m.Reserve && place > r.At {
		return Verdict{Decision: Reserved, Place: place, Limit: limit}
	}
	return Verdict{Decision: Admitted, Place: place, Limit: limit}
}

// full says whether some window that holds t has no room for t.
func full(places map[name]int64, t int64, limit Limit) bool {
	window := limit.Window.Milliseconds()
	starts := append(slices.Collect(maps.Values(places)), t)
	return slices.ContainsFunc(starts, func(from int64) bool {
		return from <= t && t < from+window && within(places, from, from+window) >= limit.Records
	})
}

func within(places map[name]int64, from, to int64) int {
	n := 0
	for _, p := range places {
		if from <= p && p < to {
			n++
		}
	}
	return n
}

// earliest is the first time from t on with room: t, or the end of a window that
// begins at a place.
func earliest(places map[name]int64, t int64, limit Limit) int64 {
	times := []int64{t}
	for _, p := range places {
		if end := p + limit.Window.Milliseconds(); end > t {
			times = append(times, end)
		}
	}
	slices.Sort(times)
	i := slices.IndexFunc(times, func(t int64) bool { return !full(places, t, limit) })
	return times[i]
}

// known finds the place in whose window the record comes again, or that it waits
// for: one less than a window before its arrival or after its longest delay.
func (m *Model) known(places map[name]int64, r Request, limit Limit) (int64, bool) {
	window := limit.Window.Milliseconds()
	names := []name{{id: r.Member}}
	for n := (r.At - window) / window; n <= (r.At+m.delay(limit)+window)/window; n++ {
		names = append(names, name{r.Member, window, n})
	}
	for _, name := range names {
		p, ok := places[name]
		if ok && r.At-p < window && p-r.At < window+m.delay(limit) {
			return p, true
		}
	}
	return 0, false
}

// record adds the place and names the one that was the latest anew.
func record(places map[name]int64, id string, place int64, limit Limit) {
	window := limit.Window.Milliseconds()
	latest, again := places[name{id: id}]
	switch {
	case !again:
		places[name{id: id}] = place
	case latest < place:
		places[name{id, window, latest / window}], places[name{id: id}] = latest, place
	default:
		places[name{id, window, place / window}] = place
	}
}

func (m *Model) of(customerID string) map[name]int64 {
	if m.customers == nil {
		m.customers = make(map[string]map[name]int64)
	}
	if m.customers[customerID] == nil {
		m.customers[customerID] = make(map[name]int64)
	}
	return m.customers[customerID]
}

// delay is how far ahead, in ms, a place may lie under the limit.
func (m *Model) delay(limit Limit) int64 {
	if !m.Reserve {
		return 0
	}
	return min(m.MaxDelay.Milliseconds(), MaxWindowsAhead*limit.Window.Milliseconds())
}
