package check

import (
	"time"

	"ingestion/test/chaos/internal/load"
)

// Strangers is what others than the service have done to the streams, and to
// Redis' clock.
type Strangers struct {
	Taken   map[load.EntryID]Taking
	Rewound map[load.EntryID]int // how often the group was set back over an entry
	Rewinds map[int]Rewinds      // by partition
	Clock   []Period             // in which Redis' clock was not the true one, or its effects last
}

// Taking is what strangers did to one entry.
type Taking struct {
	Removed bool // from the stream
	Pending bool // while it was being worked on: it may have come to an end or not
	Unread  bool // before anybody had read it
}

// lossy says that the entry's record may be lost by it.
func (t Taking) lossy() bool { return t.Pending || t.Unread }

// Rewinds of one partition's group.
type Rewinds struct {
	Most  int // all of them
	Least int // those over settled entries, which can be told; two of them may look like one
}

// Period is a time in ms since 1970, both ends included.
type Period struct {
	From, To int64
	Step     int64 // by how many ms the clock was wrong
}

// Take notes that an entry was taken, once more perhaps.
func (s *Strangers) Take(id load.EntryID, t Taking) {
	if s.Taken == nil {
		s.Taken = map[load.EntryID]Taking{}
	}
	before := s.Taken[id]
	s.Taken[id] = Taking{before.Removed || t.Removed, before.Pending || t.Pending, before.Unread || t.Unread}
}

// Rewind notes that a partition's group was set back over entries, of which some
// were settled.
func (s *Strangers) Rewind(partition int, over []load.EntryID, settled bool) {
	if s.Rewound == nil {
		s.Rewound, s.Rewinds = map[load.EntryID]int{}, map[int]Rewinds{}
	}
	for _, id := range over {
		s.Rewound[id]++
	}
	r := s.Rewinds[partition]
	r.Most++
	if settled {
		r.Least = 1
	}
	s.Rewinds[partition] = r
}

// excused says that an entry may have come to no end: it was taken, or what was
// put back of it.
func (j *judge) excused(id load.EntryID) bool {
	if j.Taken[id].lossy() {
		return true
	}
	for _, back := range j.back[id] {
		if j.Taken[back].lossy() {
			return true
		}
	}
	return false
}

// lossyTaken counts the entries of a partition that were taken.
func (j *judge) lossyTaken(p int) (removed, pending, unread int64) {
	for id, t := range j.Taken {
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

// rewoundIn is how many entries of a partition were made to come again.
func (j *judge) rewoundIn(p int) (n int64) {
	for id, times := range j.Rewound {
		if id.Partition == p {
			n += int64(times)
		}
	}
	return n
}

// clockWrong says that Redis' clock was not the true one at a time.
func (j *judge) clockWrong(ms int64) bool {
	for _, p := range j.Clock {
		if p.From <= ms && ms <= p.To {
			return true
		}
	}
	return false
}

// arrivalUnknown says that nobody can tell by which time an entry was judged:
// its ID is ahead of the clock, and so it counts when it is worked on; or the
// clock was stepping.
func (j *judge) arrivalUnknown(id load.EntryID, judged int64) bool {
	e := j.Entries[id]
	if j.clockWrong(e.Seen) || j.clockWrong(judged) {
		return true
	}
	const late = 100 // the two clocks are one, but are not read at once
	return e.AdmitAt == 0 && milliseconds(id.ID) > e.Seen+late
}

func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
