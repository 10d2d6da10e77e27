package check

import (
	"slices"
	"strconv"
	"strings"

	"ingestion/test/chaos/internal/load"
)

// checkLimit: no window exceeds the limit, no document was stored without a place
// in its window, and no record was refused although a slot was free. The trimmer does
// not wait for a record whose entry another client took from its worker, so its place
// may be pruned before it is seen.
func (c *checker) checkLimit() {
	if c.Rule.Limit == 0 {
		return
	}
	window := c.Rule.Window.Milliseconds()
	times := map[string][]int64{}
	members := map[string]map[string]bool{}
	for customer, places := range c.Places {
		members[customer] = map[string]bool{}
		for p := range places {
			times[customer] = append(times[customer], p.At)
			members[customer][p.Member] = true
		}
		at := times[customer]
		slices.Sort(at)
		for i := c.Rule.Limit; i < len(at); i++ {
			if at[i]-at[i-c.Rule.Limit] < window && !c.clockExcuses(at, i) {
				c.failf(OverLimit, "customer %q has %d records from %d to %d, its window is %d ms",
					customer, c.Rule.Limit+1, at[i-c.Rule.Limit], at[i], window)
			}
		}
	}
	unseen := c.takenWhilePending()
	for _, d := range c.Documents {
		if strings.HasPrefix(d.Key.CustomerID, "hot-") && !members[d.Key.CustomerID][d.ID] && !c.clockWrong(d.Ingested) && !c.isOf(d, unseen) {
			c.failf(OverLimit, "a document without a place in its customer's window: %+v", d)
		}
	}
	c.checkOwnTime()
	for id, d := range c.dead {
		r := &c.Records[c.Entries[id].Number]
		if d.Event != rateLimited || r.Bad != "" || c.arrivalUnknown(id, d.At) {
			continue
		}
		at := c.arrival(id)
		if free := c.freeFrom(times[r.Key.CustomerID], at); free-at <= c.Rule.MaxDelay.Milliseconds() {
			c.failf(WrongDeath, "record %d of %q was refused at %d, but a slot was free at %d: %v", r.Number, r.Key.CustomerID, at, free, id)
		}
	}
}

// clockExcuses reports whether a step of Redis' clock explains the i-th place. If
// the clock steps by more than a window, places admitted before the step may be
// pruned after it, so a customer may use its limit a second time.
func (c *checker) clockExcuses(at []int64, i int) bool {
	window, twice := c.Rule.Window.Milliseconds(), 2*c.Rule.Limit
	if i >= twice && at[i]-at[i-twice] < window {
		return false
	}
	for _, p := range c.Clock {
		if p.Step > window && at[i] >= p.From-p.Step-window && at[i-c.Rule.Limit] <= p.To+p.Step+window {
			return true
		}
	}
	return false
}

// checkOwnTime: no place is earlier than the first entry of its record.
func (c *checker) checkOwnTime() {
	first := map[load.Key]int64{}
	for id, e := range c.Entries {
		if e.Number < 0 || c.Records[e.Number].Bad != "" {
			continue
		}
		at := min(milliseconds(id.ID), e.Seen)
		if before, there := first[c.Records[e.Number].Key]; !there || at < before {
			first[c.Records[e.Number].Key] = at
		}
	}
	ids := map[string]load.Key{}
	for _, d := range c.Documents {
		ids[d.ID] = d.Key
	}
	slack := int64(1000)
	if len(c.Clock) > 0 {
		slack = 20_000 // the largest step back
	}
	for customer, places := range c.Places {
		for p := range places {
			if key, there := ids[p.Member]; there && p.At < first[key]-slack {
				c.failf(OverLimit, "customer %q has a place at %d for a record that arrived at %d: %+v", customer, p.At, first[key], key)
			}
		}
	}
}

// arrival returns the time at which the limiter judges an entry, in ms.
func (c *checker) arrival(id load.EntryID) int64 {
	if e := c.Entries[id]; e.AdmitAt > 0 {
		return e.AdmitAt
	}
	return milliseconds(id.ID)
}

// milliseconds returns the time in an entry's ID.
func milliseconds(id string) int64 {
	ms, _, _ := strings.Cut(id, "-")
	n, _ := strconv.ParseInt(ms, 10, 64)
	return n
}

// freeFrom returns the first time from t on at which one more place would exceed
// the limit in no window. Places are sorted.
func (c *checker) freeFrom(places []int64, t int64) int64 {
	window := c.Rule.Window.Milliseconds()
	for {
		next := t
		for i := 0; i+c.Rule.Limit <= len(places); i++ {
			first, last := places[i], places[i+c.Rule.Limit-1]
			// With t these would exceed the limit if they fit into one window.
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
