package main

import (
	"sync"
	"time"

	"ingestion/test/chaos/internal/check"
	"ingestion/test/chaos/internal/faults"
	"ingestion/test/chaos/internal/load"
)

// perFault is how many records each fault can send, at most.
const perFault = 4

// otherClients keeps the records that other clients send, and enters what these
// clients do in the evidence. Safe for concurrent use.
type otherClients struct {
	evidence *check.Evidence
	producer *load.Producer // logs what was acknowledged
	observer *load.Observer

	mu               sync.Mutex
	ordinary, forged []load.Record // not sent yet
}

// newOtherClients adds the clients' records to those of the evidence.
func newOtherClients(o options, e *check.Evidence) *otherClients {
	n := perFault * o.faults
	from := len(e.Records)
	e.Records = append(e.Records, load.Ordinary(o.seed, from, n, o.partitions)...)
	e.Records = append(e.Records, load.Forged(o.seed, from+n, n, o.partitions)...)
	return &otherClients{evidence: e, ordinary: e.Records[from : from+n], forged: e.Records[from+n:]}
}

func (c *otherClients) client(h *harness) *faults.Client {
	return &faults.Client{
		Addr: h.redis.Addr, Keys: h.keys, Group: group,
		Ordinary: func() (faults.Entry, bool) { return c.next(&c.ordinary) },
		Forged:   func() (faults.Entry, bool) { return c.next(&c.forged) },
		Added:    c.added, Took: c.took,
	}
}

func (c *otherClients) next(from *[]load.Record) (faults.Entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(*from) == 0 {
		return faults.Entry{}, false
	}
	r := &(*from)[0]
	*from = (*from)[1:]
	return faults.Entry{Number: r.Number, Partition: r.Partition, Fields: r.All()}, true
}

func (c *otherClients) added(id string, e faults.Entry) {
	c.producer.Acked(load.EntryID{Partition: e.Partition, ID: id}, e.Number)
}

func (c *otherClients) took(taken []faults.Taken) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var rewound []load.EntryID
	settled := 0
	for _, t := range taken {
		id := load.EntryID{Partition: t.Partition, ID: t.ID}
		c.observer.Note(id, t.Fields)
		if t.Kind == faults.GroupBack {
			rewound = append(rewound, id)
			if t.State == faults.Settled {
				settled++
			}
			continue
		}
		c.evidence.Take(id, check.Taking{Removed: t.Removed(), Pending: t.State == faults.Pending, Unread: t.State == faults.Unread})
	}
	if len(rewound) > 0 {
		c.evidence.Rewind(rewound[0].Partition, rewound, settled)
	}
}

// clockStepped notes a step of Redis' clock that lasted from one time to the
// other. Its effects last longer: stream IDs stay ahead for as long as the clock
// was ahead, and the limiter prunes its windows by them.
func (c *otherClients) clockStepped(from, to time.Time, step time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	to = to.Add(max(step, 0))
	c.evidence.Clock = append(c.evidence.Clock, check.Period{From: from.UnixMilli() - 1000, To: to.UnixMilli() + 1000, Step: step.Abs().Milliseconds()})
}
