package store

import (
	"context"
	"slices"
	"time"
)

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
