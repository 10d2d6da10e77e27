package main

import (
	"sync"
	"time"

	"ingestion/test/chaos/internal/check"
	"ingestion/test/chaos/internal/faults"
	"ingestion/test/chaos/internal/load"
)

// perFault records are kept in store for each fault that may send some.
const perFault = 4

// strangers have records of their own to send; what they do goes to the evidence.
type strangers struct {
	evidence *check.Evidence
	producer *load.Producer // keeps the log of what was acknowledged
	witness  *load.Witness

	mu         sync.Mutex
	plain, odd []load.Record // not sent yet
}

// newStrangers adds their records to those of the evidence.
func newStrangers(o options, e *check.Evidence) *strangers {
	n := perFault * o.faults
	from := len(e.Records)
	e.Records = append(e.Records, load.Plain(o.seed, from, n, o.partitions)...)
	e.Records = append(e.Records, load.Odd(o.seed, from+n, n, o.partitions)...)
	return &strangers{evidence: e, plain: e.Records[from : from+n], odd: e.Records[from+n:]}
}

func (s *strangers) stranger(w *world) *faults.Stranger {
	return &faults.Stranger{
		Addr: w.redis.Addr, Keys: w.keys, Group: group,
		Plain: func() (faults.Foreign, bool) { return s.next(&s.plain) },
		Odd:   func() (faults.Foreign, bool) { return s.next(&s.odd) },
		Added: s.added, Took: s.took,
	}
}

func (s *strangers) next(from *[]load.Record) (faults.Foreign, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(*from) == 0 {
		return faults.Foreign{}, false
	}
	r := &(*from)[0]
	*from = (*from)[1:]
	return faults.Foreign{Number: r.Number, Partition: r.Partition, Fields: r.All()}, true
}

func (s *strangers) added(id string, f faults.Foreign) {
	s.producer.Acked(load.EntryID{Partition: f.Partition, ID: id}, f.Number)
}

func (s *strangers) took(taken []faults.Taken) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var back []load.EntryID
	settled := false
	for _, t := range taken {
		id := load.EntryID{Partition: t.Partition, ID: t.ID}
		s.witness.Note(id, t.Fields)
		if t.Kind == faults.GroupBack {
			back = append(back, id)
			settled = settled || t.State == faults.Settled
			continue
		}
		s.evidence.Take(id, check.Taking{Removed: t.Removed(), Pending: t.State == faults.Pending, Unread: t.State == faults.Unread})
	}
	if len(back) > 0 {
		s.evidence.Rewind(back[0].Partition, back, settled)
	}
}

// clockStepped: IDs stay ahead for as long as the clock was, and windows are
// pruned by them.
func (s *strangers) clockStepped(from, to time.Time, step time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to = to.Add(max(step, 0))
	s.evidence.Clock = append(s.evidence.Clock, check.Period{From: from.UnixMilli() - 1000, To: to.UnixMilli() + 1000, Step: step.Abs().Milliseconds()})
}
