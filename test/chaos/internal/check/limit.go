package check

import (
	"slices"
	"strconv"
	"strings"

	"ingestion/test/chaos/internal/load"
)

// checkLimit: no window of a customer holds more than the limit, no document came
// in without a place, and nobody was refused for whom there was room.
func (j *judge) checkLimit() {
	if j.Rule.Limit == 0 {
		return
	}
	window := j.Rule.Window.Milliseconds()
	times := map[string][]int64{}
	members := map[string]map[string]bool{}
	for customer, places := range j.Places {
		members[customer] = map[string]bool{}
		for p := range places {
			times[customer] = append(times[customer], p.At)
			members[customer][p.Member] = true
		}
		at := times[customer]
		slices.Sort(at)
		for i := j.Rule.Limit; i < len(at); i++ {
			if at[i]-at[i-j.Rule.Limit] < window && !j.clockExcuses(at, i) {
				j.bad(OverLimit, "customer %q has %d records from %d to %d, its window is %d ms",
					customer, j.Rule.Limit+1, at[i-j.Rule.Limit], at[i], window)
			}
		}
	}
	for _, d := range j.Documents {
		if strings.HasPrefix(d.Key.CustomerID, "hot-") && !members[d.Key.CustomerID][d.ID] && !j.clockWrong(d.Ingested) {
			j.bad(OverLimit, "a document without a place in its customer's window: %+v", d)
		}
	}
	j.checkOwnTime()
	for id, d := range j.dead {
		r := &j.Records[j.Entries[id].Number]
		if d.Event != rateLimited || r.Bad != "" || j.arrivalUnknown(id, d.At) {
			continue
		}
		at := j.arrival(id)
		if room := j.roomFrom(times[r.Key.CustomerID], at); room-at <= j.Rule.MaxDelay.Milliseconds() {
			j.bad(WrongDeath, "record %d of %q was refused at %d, but there was room at %d: %v", r.Number, r.Key.CustomerID, at, room, id)
		}
	}
}

// clockExcuses: where Redis' clock stepped by more than a window, what was
// admitted by one time may be forgotten by the other. A customer may have its
// limit once more then.
func (j *judge) clockExcuses(at []int64, i int) bool {
	window, twice := j.Rule.Window.Milliseconds(), 2*j.Rule.Limit
	if i >= twice && at[i]-at[i-twice] < window {
		return false
	}
	for _, p := range j.Clock {
		if p.Step > window && at[i] >= p.From-p.Step-window && at[i-j.Rule.Limit] <= p.To+p.Step+window {
			return true
		}
	}
	return false
}

// checkOwnTime: no record has a place at a time before its first entry came.
func (j *judge) checkOwnTime() {
	first := map[load.Key]int64{}
	for id, e := range j.Entries {
		if e.Number < 0 || j.Records[e.Number].Bad != "" {
			continue
		}
		at := min(milliseconds(id.ID), e.Seen)
		if before, there := first[j.Records[e.Number].Key]; !there || at < before {
			first[j.Records[e.Number].Key] = at
		}
	}
	ids := map[string]load.Key{}
	for _, d := range j.Documents {
		ids[d.ID] = d.Key
	}
	slack := int64(1000)
	if len(j.Clock) > 0 {
		slack = 20_000 // as far as it is set back
	}
	for customer, places := range j.Places {
		for p := range places {
			if key, there := ids[p.Member]; there && p.At < first[key]-slack {
				j.bad(OverLimit, "customer %q has a place at %d for a record that came at %d: %+v", customer, p.At, first[key], key)
			}
		}
	}
}

// arrival is the time by which an entry is judged.
func (j *judge) arrival(id load.EntryID) int64 {
	if e := j.Entries[id]; e.AdmitAt > 0 {
		return e.AdmitAt
	}
	return milliseconds(id.ID)
}

// milliseconds is the time that an entry's ID says.
func milliseconds(id string) int64 {
	ms, _, _ := strings.Cut(id, "-")
	n, _ := strconv.ParseInt(ms, 10, 64)
	return n
}

// roomFrom is the first time from t on at which one more place, in the order of
// time, would make no window too full. Places are sorted.
func (j *judge) roomFrom(places []int64, t int64) int64 {
	window := j.Rule.Window.Milliseconds()
	for {
		next := t
		for i := 0; i+j.Rule.Limit <= len(places); i++ {
			first, last := places[i], places[i+j.Rule.Limit-1]
			// These and t would be one too many if they fit into one window.
			if max(last, t)-min(first, t) < window {
				next = first + window
			}
		}
		if next == t {
			return t
		}
		t = next
	}
}
