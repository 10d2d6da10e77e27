package inspect

import (
	"context"
	"time"

	"ingestion/streams"
)

// countCalls limits how long a reading counts undelivered entries where nothing else tells
// their number: to some 10,000 of them, in some 20 ms.
const countCalls = 5

// partLimit is how long one part of a reading may take. What takes longer is unknown.
const partLimit = 3 * time.Second

// Status is the state of the queue, its servers and its workers at one moment. Each part
// is read by itself, and has an error instead of values if that fails.
type Status struct {
	At         time.Time     // by the clock of Redis; by this host's if Redis does not answer
	Took       time.Duration // how long the reading took
	Source     Source
	Partitions []Partition // none in list mode
	List       *List       // nil unless in list mode
	Control    Control
	Redis      Redis
	Mongo      *Mongo // nil if it was not asked for
	Registered Registered
	Refused    Refused
	History    History // empty if it was not asked for
}

// Partition is the state of one partition.
type Partition struct {
	Key string
	Err error // why the rest is unknown; nil if it is known
	*streams.Snapshot
}

// List is the state of a list.
type List struct {
	Key string
	Err error // why the rest is unknown; nil if it is known
	streams.ListSnapshot
}

// Control is what an operator has asked of the workers.
type Control struct {
	Err error // why the rest is unknown; nil if it is known
	streams.Control
	Active bool // the workers pause
}

// Pinger checks whether MongoDB can serve the collection. store.Store implements it.
type Pinger interface {
	Check(ctx context.Context) error
}

// Mongo is the health of MongoDB.
type Mongo struct {
	Err  error // why it cannot be used; nil if it can
	Took time.Duration
}

// Options says what else ReadStatus reads.
type Options struct {
	// Mongo is asked for its health. nil: it is not.
	Mongo Pinger
	// History is how far back the history by minute goes. 0: it is not read.
	History time.Duration
}

// ReadStatus reads the state of the queue. It takes some ms, however much is queued, and
// never fails: what cannot be read within 3 s has an error.
func ReadStatus(ctx context.Context, src Source, opts Options) *Status {
	begin := time.Now()
	s := &Status{Source: src, At: begin}
	var p parts
	read := func(part func(ctx context.Context)) {
		p.run(func() {
			ctx, cancel := context.WithTimeout(ctx, partLimit)
			defer cancel()
			part(ctx)
		})
	}
	read(func(ctx context.Context) { s.Control = readControl(ctx, src, begin) })
	read(func(ctx context.Context) { s.Redis = readRedis(ctx, src) })
	if opts.Mongo != nil {
		read(func(ctx context.Context) { s.Mongo = ReadMongo(ctx, opts.Mongo) })
	}
	read(func(ctx context.Context) { s.Registered = readRegistered(ctx, src) })
	read(func(ctx context.Context) { s.Refused = ReadRefused(ctx, src) })
	if opts.History > 0 {
		read(func(ctx context.Context) { s.History = ReadHistory(ctx, src, streams.Minutes, opts.History) })
	}
	if src.IsList() {
		read(func(ctx context.Context) { s.List = readList(ctx, src) })
	}
	s.Partitions = make([]Partition, len(src.Keys))
	for i, key := range src.Keys {
		read(func(ctx context.Context) { s.Partitions[i] = readPartition(ctx, src, key) })
	}
	p.await()
	s.setClock()
	s.Took = time.Since(begin)
	return s
}

// setClock takes the time from Redis, by whose clock entries have their IDs.
func (s *Status) setClock() {
	for _, p := range s.Partitions {
		if p.Err == nil {
			s.At = p.Taken
			break
		}
	}
	s.Control.Active = s.Control.Control.Active(s.At)
}

func readPartition(ctx context.Context, src Source, key string) Partition {
	snapshot, err := streams.ReadSnapshot(ctx, src.Redis, key, streams.SnapshotOptions{Group: src.Group, CountCalls: countCalls})
	return Partition{Key: key, Err: err, Snapshot: snapshot}
}

func readList(ctx context.Context, src Source) *List {
	snapshot, err := streams.ReadListSnapshot(ctx, src.Redis, src.List)
	if err != nil {
		return &List{Key: src.List, Err: err}
	}
	return &List{Key: src.List, ListSnapshot: *snapshot}
}

func readRegistered(ctx context.Context, src Source) Registered {
	workers, err := streams.ReadWorkers(ctx, src.Redis, src.Main())
	return Registered{Err: err, Workers: workers}
}

func readControl(ctx context.Context, src Source, now time.Time) Control {
	c, at, err := streams.ReadControl(ctx, src.Redis, src.Main())
	if err == nil && !at.IsZero() {
		now = at
	}
	return Control{Err: err, Control: c, Active: c.Active(now)}
}

// ReadMongo asks MongoDB for its health, for 3 s at most.
func ReadMongo(ctx context.Context, mongo Pinger) *Mongo {
	ctx, cancel := context.WithTimeout(ctx, partLimit)
	defer cancel()
	begin := time.Now()
	err := mongo.Check(ctx)
	return &Mongo{Err: err, Took: time.Since(begin)}
}

// Age is how long before the reading an entry arrived, by the clock of Redis, or false if
// there is no such entry.
func (p Partition) Age(id string) (age time.Duration, ok bool) {
	if p.Err != nil || id == "" {
		return 0, false
	}
	return max(0, p.Taken.Sub(streams.ArrivalOf(id))), true
}

// Accounts are the accounts of the partitions that could be read.
func (s *Status) Accounts() []*streams.Account {
	var accounts []*streams.Account
	for _, p := range s.Partitions {
		if p.Err == nil {
			accounts = append(accounts, p.Account)
		}
	}
	return accounts
}
