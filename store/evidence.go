package store

import (
	"context"
	"slices"
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
	// acquitted is when all strikes were taken back last.
	acquitted time.Time
	pruned    time.Time
}

type doubt struct {
	strikes  int
	since    time.Time // of the last strike, or the beginning
	seen     time.Time
	inserted uint64 // the store's count of insertions at that time
}

const (
	// maxDoubts bounds the memory; a record beyond it is put off all the same.
	maxDoubts = 10_000
	// forgetAfter is how long a record is remembered that comes no more: another
	// worker has it, or it is gone.
	forgetAfter = time.Hour
	pruneEvery  = time.Minute
	// mostSpread bounds how many times longer than alone a record among many waits
	// between two strikes, lest those of a broken customer wait for ever.
	mostSpread = 60
)

func newDoubts(every time.Duration) *doubts {
	return &doubts{every: every, byID: map[string]*doubt{}}
}

// isNew says whether the record was in no doubt until now. Of those beyond what
// is remembered nobody knows, so they tell nothing.
func (d *doubts) isNew(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.byID[id] == nil && len(d.byID) < maxDoubts
}

// note keeps a record in mind, and says whether it may get a strike now.
// inserted was the store's count of insertions when the record's call began, and
// is is the one now: without a new document that went in since the beginning and
// since the last strike, nothing shows that the server takes any. That it knows
// one again that it has is less: an index that can't grow does so too.
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
	return is > known.inserted && now.Sub(known.since) >= d.every*time.Duration(min(len(d.byID), mostSpread))
}

// prune forgets what came no more. It looks when there is reason to, at a new
// doubt, and not at each of many.
func (d *doubts) prune(now time.Time) {
	if now.Sub(d.pruned) < pruneEvery {
		return
	}
	d.pruned = now
	for id, known := range d.byID {
		if now.Sub(known.seen) > forgetAfter {
			delete(d.byID, id)
		}
	}
}

// strike counts one against the record and returns the sum. inserted is the
// store's count of insertions now.
func (d *doubts) strike(id string, now time.Time, inserted uint64) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.byID[id]
	if known == nil {
		return 0
	}
	known.strikes++
	known.since, known.inserted = now, inserted
	return known.strikes
}

// acquit takes back all strikes: the server is in trouble, and was perhaps when
// they were given.
func (d *doubts) acquit(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.acquitted = now
	for _, known := range d.byID {
		known.strikes, known.since = 0, now
	}
}

// waitedLately says that a call has waited in vain not long ago for many documents
// that were refused alike.
func (d *doubts) waitedLately(now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.acquitted.IsZero() && now.Sub(d.acquitted) < forgetAfter
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

// provenDocument is one that is in the collection.
type provenDocument struct {
	id  string
	raw []byte
	at  time.Time
}

// provenFor is how long a document serves as proof without being looked up
// first, since sending it again would bring it back to life had somebody deleted
// it meanwhile.
const provenFor = time.Minute

// prove keeps a document that is in the collection now as a proof.
func (s *Store) prove(id string, raw []byte) {
	if p := s.proven.Load(); p == nil || time.Since(p.at) > provenFor/10 {
		s.proven.Store(&provenDocument{id, slices.Clone(raw), time.Now()})
	}
}

// takesOthers finds out whether the server does its work for other documents at
// this moment, by inserting once more one that is there: E11000 is the good
// answer. Where no document is known that is there, neither is the answer.
func (s *Store) takesOthers(ctx context.Context) (works, known bool) {
	p := s.proven.Load()
	if p == nil {
		return false, false
	}
	t := s.pace.current()
	if time.Since(p.at) > provenFor {
		answers := make([]answer, 1)
		if failure := s.findSome(ctx, []string{p.id}, answers, plain); failure != nil {
			return false, true
		}
		if !answers[0].there {
			s.proven.CompareAndSwap(p, nil)
			return false, false
		}
	}
	reply, err := s.insert(ctx, [][]byte{p.raw}, t)
	if err != nil || reply.writeConcern != nil || !reply.consistent(1) {
		return false, true
	}
	for _, e := range reply.writeErrors {
		switch classifyDocument(e.code, e.keyPattern) {
		case Duplicate, UnknownIndex:
		default:
			return false, true
		}
	}
	s.proven.CompareAndSwap(p, &provenDocument{p.id, p.raw, time.Now()})
	return true, true
}
