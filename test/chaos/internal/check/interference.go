package check

import (
	"time"

	"ingestion/test/chaos/internal/load"
)

// Interference is what other clients did to the streams, and the steps of Redis'
// clock.
type Interference struct {
	Taken   map[load.EntryID]Taking
	Rewound map[load.EntryID]int // how often the group was set back over an entry
	Rewinds map[int]Rewinds      // by partition
	Clock   []Period             // in which Redis' clock was wrong or still has effects
}

// Taking is what other clients did to an entry.
type Taking struct {
	Removed bool // from the stream
	Pending bool // when it was pending: it may have been processed or not
	Unread  bool // before it was delivered
}

// lossy reports whether the record may be lost.
func (t Taking) lossy() bool { return t.Pending || t.Unread }

// Rewinds counts how often a partition's group was set back.
type Rewinds struct {
	Times   int
	Settled int // settled entries that it was set back over
}

// Period is a time span in ms since 1970, both ends included.
type Period struct {
	From, To int64
	Step     int64 // ms by which the clock was wrong
}

// Take notes that an entry was taken, perhaps for the second time.
func (s *Interference) Take(id load.EntryID, t Taking) {
	if s.Taken == nil {
		s.Taken = map[load.EntryID]Taking{}
	}
	before := s.Taken[id]
	s.Taken[id] = Taking{before.Removed || t.Removed, before.Pending || t.Pending, before.Unread || t.Unread}
}

// Rewind notes that a partition's group was set back over entries, and how many of
// them were settled.
func (s *Interference) Rewind(partition int, over []load.EntryID, settled int) {
	if s.Rewound == nil {
		s.Rewound, s.Rewinds = map[load.EntryID]int{}, map[int]Rewinds{}
	}
	for _, id := range over {
		s.Rewound[id]++
	}
	r := s.Rewinds[partition]
	r.Times++
	r.Settled += settled
	s.Rewinds[partition] = r
}

// excused reports whether an entry may have no outcome: it, or an entry put back
// for it, was taken.
func (c *checker) excused(id load.EntryID) bool {
	if c.Taken[id].lossy() {
		return true
	}
	for _, back := range c.returned[id] {
		if c.Taken[back].lossy() {
			return true
		}
	}
	return false
}

// takenWhilePending returns the entries that other clients took while they were
// pending, and those that they were put back for.
func (c *checker) takenWhilePending() map[load.EntryID]bool {
	ids := map[load.EntryID]bool{}
	for id, t := range c.Taken {
		if !t.Pending {
			continue
		}
		ids[id] = true
		if origin := c.Entries[id].Origin; origin != "" {
			ids[load.EntryID{Partition: id.Partition, ID: origin}] = true
		}
	}
	return ids
}

// isOf reports whether the document may have been stored for one of the entries. Those
// of several partitions may have the same ID.
func (c *checker) isOf(d Document, entries map[load.EntryID]bool) bool {
	for p := range c.Partitions {
		id := load.EntryID{Partition: p, ID: d.StreamID}
		if e, there := c.Entries[id]; there && entries[id] && e.Number >= 0 && c.Records[e.Number].Key == d.Key {
			return true
		}
	}
	return false
}

// taken counts the entries of a partition that were taken.
func (c *checker) taken(p int) (removed, pending, unread int64) {
	for id, t := range c.Taken {
		if id.Partition != p {
			continue
		}
		if t.Removed {
			removed++
		}
		switch {
		case t.Unread && !t.Pending:
			unread++
		case t.Pending:
			pending++
		}
	}
	return removed, pending, unread
}

// manyRewinds is how many set-backs show that they are noticed: a worker that reads an
// entry again notices, unless it has just started or read none of these before.
const manyRewinds = 5

// leastRewinds returns how many set-backs of a partition's group must have been
// noticed. Several may look like one. One is certain if more entries were settled
// twice than are missing.
func (c *checker) leastRewinds(p int) int64 {
	r := c.Rewinds[p]
	_, pending, unread := c.taken(p)
	if r.Times >= manyRewinds || int64(r.Settled) > pending+unread {
		return 1
	}
	return 0
}

// rewoundIn returns how many entries of a partition were made to be delivered
// again.
func (c *checker) rewoundIn(p int) (n int64) {
	for id, times := range c.Rewound {
		if id.Partition == p {
			n += int64(times)
		}
	}
	return n
}

// clockWrong reports whether Redis' clock was wrong at a time.
func (c *checker) clockWrong(ms int64) bool {
	for _, p := range c.Clock {
		if p.From <= ms && ms <= p.To {
			return true
		}
	}
	return false
}

// arrivalUnknown reports whether the time at which the limiter judged an entry is
// unknown: its ID is ahead of the clock, so the time of processing counts, or the
// clock was wrong.
func (c *checker) arrivalUnknown(id load.EntryID, judged int64) bool {
	e := c.Entries[id]
	if c.clockWrong(e.Seen) || c.clockWrong(judged) {
		return true
	}
	const late = 100 // between two readings of the same clock
	return e.AdmitAt == 0 && milliseconds(id.ID) > e.Seen+late
}

func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
