package store

import (
	"sync"
	"sync/atomic"
	"time"
)

// Doubt is what is held against a record that MongoDB refuses with a code of
// unknown meaning.
type Doubt struct {
	ID      string // the record's _id
	Code    int32
	Strikes int // times that the code spoke against the record, this one included
	Limit   int // strikes that reject it
}

// doubts remembers the records in doubt over all calls of a store: they are put
// off and come again. The more of them there are at a time, the less it says
// about any one, and the longer it takes to reject one.
type doubts struct {
	every time.Duration // between two strikes while only one record is in doubt

	count atomic.Int64 // of byID
	mu    sync.Mutex
	byID  map[string]*doubt
}

type doubt struct {
	strikes  int
	since    time.Time // of the last strike, or the beginning
	seen     time.Time
	inserted uint64 // the store's count of insertions at the beginning
}

const (
	// maxDoubts bounds the memory; a record beyond it is put off all the same.
	maxDoubts = 10_000
	// forgetAfter is how long a record is remembered that comes no more: another
	// worker has it, or it is gone.
	forgetAfter = time.Hour
)

func newDoubts(every time.Duration) *doubts {
	return &doubts{every: every, byID: map[string]*doubt{}}
}

// has says whether the record is in doubt already.
func (d *doubts) has(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.byID[id] != nil
}

// note keeps a record in mind, and says whether it may get a strike now.
// inserted was the store's count of insertions when the record's call began, and
// is is the one now: without a new document that went in since, nothing shows
// that the server takes any.
func (d *doubts) note(id string, now time.Time, inserted, is uint64) (due bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.byID[id]
	if known == nil {
		d.prune(now)
		if len(d.byID) < maxDoubts {
			d.byID[id] = &doubt{since: now, seen: now, inserted: inserted}
			d.count.Store(int64(len(d.byID)))
		}
		return false
	}
	known.seen = now
	return is > known.inserted && now.Sub(known.since) >= d.every*time.Duration(len(d.byID))
}

// prune forgets what came no more. It looks when there is reason to: at each new
// doubt, which is rare.
func (d *doubts) prune(now time.Time) {
	for id, known := range d.byID {
		if now.Sub(known.seen) > forgetAfter {
			delete(d.byID, id)
		}
	}
}

// strike counts one against the record and returns the sum.
func (d *doubts) strike(id string, now time.Time) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.byID[id]
	if known == nil {
		return 0
	}
	known.strikes++
	known.since = now
	return known.strikes
}

// acquit takes back all strikes: the server is in trouble, and was perhaps when
// they were given.
func (d *doubts) acquit(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, known := range d.byID {
		known.strikes, known.since = 0, now
	}
}

// forget ends the doubt about a record that has its outcome.
func (d *doubts) forget(id string) {
	if d.count.Load() == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.byID, id)
	d.count.Store(int64(len(d.byID)))
}
