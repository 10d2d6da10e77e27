package store

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Strike is one confirmed refusal of a document with an error code of unknown
// meaning, while MongoDB accepted others.
type Strike struct {
	ID    string // the record's _id
	Code  int32
	Count int // strikes against the document, this one included
	Limit int // strikes that reject it
}

// evidence remembers the documents refused with an unknown code and the strikes
// against them, over all calls of a store: such documents are postponed and come
// again. The more there are of them, the less a refusal says about any one,
// and the longer it takes until one is rejected.
type evidence struct {
	interval time.Duration // between two strikes against the only such document

	count  atomic.Int64 // len(byID), to be read without mu
	mu     sync.Mutex
	byID   map[string]*history
	pruned time.Time
	// cleared is when all strikes were last taken back; see clear.
	cleared time.Time
}

// history is what is known of one refused document.
type history struct {
	strikes  int
	since    time.Time // of the last strike, or of the first refusal
	seen     time.Time
	inserted uint64 // the store's count of insertions at since
}

const (
	// maxHistories limits the memory; a document beyond it is postponed, but collects
	// no strikes.
	maxHistories = 10_000
	// forgetAfter is how long a document is remembered that is not seen again, because
	// another worker reclaimed it or it is gone.
	forgetAfter = time.Hour
	pruneEvery  = time.Minute
	// maxIntervalFactor limits how much longer a document among many waits between two
	// strikes, so that the records of a broken producer are rejected within hours.
	maxIntervalFactor = 60
)

func newEvidence(interval time.Duration) *evidence {
	return &evidence{interval: interval, byID: map[string]*history{}}
}

// isNew reports whether the document was never refused before. It is false beyond
// maxHistories, where that is unknown.
func (e *evidence) isNew(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.byID[id] == nil && len(e.byID) < maxHistories
}

// note remembers a refused document and reports whether it is due for a strike.
// before is the store's count of insertions when the document's insertion began, and
// current the count now. Unless another document was inserted since the last strike,
// nothing shows that the server accepts any. That it recognizes a duplicate shows
// less: an index without disk space still does.
func (e *evidence) note(id string, now time.Time, before, current uint64) (due bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.byID[id]
	if h == nil {
		e.prune(now)
		if len(e.byID) < maxHistories {
			e.byID[id] = &history{since: now, seen: now, inserted: before}
			e.count.Store(int64(len(e.byID)))
		}
		return false
	}
	h.seen = now
	return current > h.inserted && now.Sub(h.since) >= e.interval*time.Duration(min(len(e.byID), maxIntervalFactor))
}

// prune forgets the documents not seen for long, at most once per pruneEvery.
func (e *evidence) prune(now time.Time) {
	if now.Sub(e.pruned) < pruneEvery {
		return
	}
	e.pruned = now
	for id, h := range e.byID {
		if now.Sub(h.seen) > forgetAfter {
			delete(e.byID, id)
		}
	}
}

// strike counts a strike against the document and returns the sum. current is the
// store's count of insertions.
func (e *evidence) strike(id string, now time.Time, current uint64) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.byID[id]
	if h == nil {
		return 0
	}
	h.strikes++
	h.since, h.inserted = now, current
	return h.strikes
}

// clear takes back all strikes: the server fails, and may have failed when they
// were given.
func (e *evidence) clear(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cleared = now
	for _, h := range e.byID {
		h.strikes, h.since = 0, now
	}
}

// clearedRecently reports whether an insertion has recently given up waiting for the
// server to accept its documents.
func (e *evidence) clearedRecently(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.cleared.IsZero() && now.Sub(e.cleared) < forgetAfter
}

// forget drops a document that has an outcome.
func (e *evidence) forget(id string) {
	if e.count.Load() == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.byID, id)
	e.count.Store(int64(len(e.byID)))
}

// controlDocument is one that is known to be in the collection. Inserting it again
// shows whether the server works: the right answer is a duplicate key error.
type controlDocument struct {
	id  string
	raw []byte
	at  time.Time // when it was last known to be stored
}

// controlFor is how long a control document is inserted again without a lookup
// first. If another client deleted it meanwhile, inserting it would restore it.
const controlFor = time.Minute

// setControl makes a document that is now in the collection the control document.
func (s *Store) setControl(id string, raw []byte) {
	if c := s.control.Load(); c == nil || time.Since(c.at) > controlFor/10 {
		s.control.Store(&controlDocument{id, slices.Clone(raw), time.Now()})
	}
}

// health is what inserting the control document shows.
type health int

const (
	unproven health = iota // there is no control document
	failing
	working
)

// probe inserts the control document.
func (s *Store) probe(ctx context.Context) health {
	c := s.control.Load()
	if c == nil {
		return unproven
	}
	l := s.pace.current()
	if time.Since(c.at) > controlFor {
		answers := make([]answer, 1)
		if failure := s.findOnce(ctx, []string{c.id}, answers, local); failure != nil {
			return failing
		}
		if !answers[0].exists {
			s.control.CompareAndSwap(c, nil)
			return unproven
		}
	}
	reply, err := s.insert(ctx, [][]byte{c.raw}, l)
	if err != nil || reply.writeConcern != nil || !reply.consistent(1) {
		return failing
	}
	for _, e := range reply.writeErrors {
		switch classifyDocument(e.code, e.keyPattern) {
		case Duplicate, UnknownIndex:
		case Rejected: // a validator was added since; the server works all the same
			s.control.CompareAndSwap(c, nil)
			return unproven
		default:
			return failing
		}
	}
	s.control.CompareAndSwap(c, &controlDocument{c.id, c.raw, time.Now()})
	return working
}
