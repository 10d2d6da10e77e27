package fold

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"ingestion/archive"
	"ingestion/record"
	"ingestion/streams"
)

// Counts is what became of the entries that a fold has read.
type Counts struct {
	Read int64 `bson:"read"` // entries
	// PutBack is how many of them are of deferred records that count otherwise: such a
	// record has an entry when it comes, and another one when it is put back. It is also
	// that of entries that were moved to a list.
	PutBack int64 `bson:"putBack"`
	// Recorded is how many of the others have the outcome that a worker had noted, or were
	// admitted since it had.
	Recorded int64            `bson:"recorded"`
	Outcomes map[string]int64 `bson:"outcomes"` // of the others
}

func (c *Counts) clone() Counts {
	out := Counts{Read: c.Read, PutBack: c.PutBack, Recorded: c.Recorded, Outcomes: map[string]int64{}}
	for name, n := range c.Outcomes {
		out.Outcomes[name] = n
	}
	return out
}

// Queue delivers the entries of a fold, each once, in the order of their IDs. It keeps
// track of how far the fold has come. It implements streams.Queue.
type Queue struct {
	entries *merger
	keys    []string
	begin   []string                        // by partition: the ID after which the fold begins
	broken  error                           // why reading can't go on
	decided []*decisions                    // by partition
	save    func(context.Context, Position) // called after each batch
	done    func(error)                     // called once all entries are settled, or with the error that ends the fold
	changed chan struct{}                   // signals that something was settled or returned

	patience time.Duration // how long reading may fail
	failing  time.Time     // since when it does

	mu      sync.Mutex
	open    []*handed              // delivered, in order, from the first one that is not settled
	byName  map[handedName]*handed // those of open that are not settled
	again   []streams.Delivery     // returned unsettled
	through []string               // by partition: all entries through this ID are settled
	counts  Counts                 // of these
	pending entry                  // read, but too large for the batch before
	held    bool                   // pending is one
}

// Position is how far a fold has come: all entries through these IDs, by partition, are
// settled, and what became of them.
type Position struct {
	Through []string
	Counts  Counts
}

// handed is an entry that was delivered, or skipped.
type handed struct {
	partition int
	id        string
	settled   bool
	outcome   record.Outcome // 0: skipped
	noted     record.Outcome // by a worker
	recorded  bool           // the outcome is the one that a worker noted, or ingested and none was
}

type handedName struct{ key, id string }

// maxBatchBytes bounds the bodies of a batch.
const maxBatchBytes = 4 << 20

// Receive returns the next entries. Entries that were returned unsettled come first. After
// the last one it waits until all are settled, or ctx ends.
func (q *Queue) Receive(ctx context.Context, most int) ([]streams.Delivery, error) {
	if again := q.takeAgain(most); len(again) > 0 {
		return again, nil
	}
	batch, err := q.read(ctx, most)
	if len(batch) > 0 {
		q.failing = time.Time{}
		return batch, nil // an error comes again
	}
	if errors.Is(err, errLong) {
		q.save(ctx, q.Position())
		return nil, nil
	}
	if q.hopeless(err) || err == nil && q.finished() {
		q.done(err)
		<-ctx.Done()
		return nil, nil
	}
	if err == nil {
		select {
		case <-q.changed:
		case <-ctx.Done():
		}
	}
	return nil, err
}

// hopeless reports whether reading on makes no sense: entries are gone, or reading has
// failed for too long. A fold can be continued later.
func (q *Queue) hopeless(err error) bool {
	if err == nil {
		q.failing = time.Time{}
		return false
	}
	if q.failing.IsZero() {
		q.failing = time.Now()
	}
	return isFinal(err) || time.Since(q.failing) > q.patience
}

// isFinal reports whether an error comes again however often it is tried.
func isFinal(err error) bool {
	var trimmed *TrimmedError
	return errors.As(err, &trimmed) || errors.Is(err, archive.ErrGone) || errors.Is(err, archive.ErrDamaged)
}

func (q *Queue) signal() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

func (q *Queue) takeAgain(most int) []streams.Delivery {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(most, len(q.again))
	batch := slices.Clone(q.again[:n])
	q.again = q.again[n:]
	return batch
}

// mostRead bounds the entries that are read for a batch, most of which may be skipped.
const mostRead = 10_000

// errLong means that there may be more entries.
var errLong = errors.New("many entries were skipped")

func (q *Queue) read(ctx context.Context, most int) (batch []streams.Delivery, err error) {
	if q.broken != nil {
		return nil, q.broken
	}
	for bytes, read := 0, 0; len(batch) < most; read++ {
		if read == mostRead {
			return batch, errLong
		}
		e, ok, err := q.next(ctx)
		if isFinal(err) {
			q.broken = err
		}
		if err != nil || !ok {
			return batch, err
		}
		if bytes += size(e); len(batch) > 0 && bytes > maxBatchBytes {
			q.pending, q.held = e, true
			return batch, nil
		}
		if d, ok := q.hand(e); ok {
			batch = append(batch, d)
		}
	}
	return batch, nil
}

func (q *Queue) next(ctx context.Context) (entry, bool, error) {
	if q.held {
		q.held = false
		return q.pending, true, nil
	}
	return q.entries.next(ctx)
}

func size(e entry) (n int) {
	for _, s := range e.Fields {
		n += len(s)
	}
	return n
}

// hand returns the delivery of an entry, or false if nothing is to be done with it.
func (q *Queue) hand(e entry) (d streams.Delivery, ok bool) {
	h := &handed{partition: e.partition, id: e.ID}
	d = delivery(q.keys[e.partition], e.Entry)
	if decided := q.decided[e.partition]; decided.known(e.ID) {
		q.follow(decided, h, &d)
	} else {
		q.guess(e, h, &d)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open = append(q.open, h)
	if h.settled {
		q.advance()
	} else {
		q.byName[handedName{d.Source, d.ID}] = h
	}
	return d, !h.settled
}

// follow does what a worker decided about an entry.
func (q *Queue) follow(decided *decisions, h *handed, d *streams.Delivery) {
	back := decided.returned[d.ID]
	d.Origin = back.origin
	outcome, noted := decided.outcome(d.ID)
	switch {
	case back.slot > 0 && !decided.known(back.origin) && q.folds(h.partition, back.origin):
		h.settled = true // the fold judged the record when it read its first entry
	case noted && !stands(outcome):
		h.noted, d.AdmitAt = outcome, back.slot
	case noted:
		h.settled = true
		if outcome != 0 && !decided.cameBack(d.ID) {
			h.recorded, h.outcome = true, outcome
		}
	default:
		h.recorded, d.ArrivedAt = true, admitted
	}
}

// guess goes by what an entry says of itself. A deferred record that was put back is
// skipped if the fold has read its first entry: what became of that counts.
func (q *Queue) guess(e entry, h *handed, d *streams.Delivery) {
	back, isBack := readPutBack(e.Entry)
	if !isBack {
		return
	}
	d.Origin, d.AdmitAt = back.origin, back.slot
	h.settled = back.slot > 0 && q.folds(e.partition, back.origin)
}

// folds reports whether an entry of a partition lies in what is folded.
func (q *Queue) folds(partition int, id string) bool {
	return archive.CompareIDs(id, q.begin[partition]) > 0
}

// finished reports whether all entries were delivered and settled. It is called once none
// is left to be read.
func (q *Queue) finished() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.open) == 0
}

// advance moves past the settled entries at the head of open.
func (q *Queue) advance() {
	n := 0
	for _, h := range q.open {
		if !h.settled {
			break
		}
		n++
		q.through[h.partition] = h.id
		q.counts.Read++
		if h.outcome == 0 {
			q.counts.PutBack++
		} else {
			q.counts.Outcomes[h.outcome.String()]++
		}
		if h.recorded {
			q.counts.Recorded++
		}
	}
	q.open = q.open[n:]
}

// Settle notes the outcomes.
func (q *Queue) Settle(ctx context.Context, settlements []streams.Settlement) (streams.Settled, error) {
	q.mu.Lock()
	count := 0
	for _, s := range settlements {
		name := handedName{s.Source, s.ID}
		if h := q.byName[name]; h != nil {
			h.settled, h.outcome = true, s.Outcome
			h.recorded = h.recorded || h.noted == s.Outcome
			delete(q.byName, name)
			count++
		}
	}
	q.advance()
	q.mu.Unlock()
	q.signal()
	q.save(ctx, q.Position())
	return streams.Settled{Count: count}, nil
}

// Position returns how far the fold has come.
func (q *Queue) Position() Position {
	q.mu.Lock()
	defer q.mu.Unlock()
	return Position{Through: slices.Clone(q.through), Counts: q.counts.clone()}
}

// Floor returns the earliest arrival, in ms, that is not settled; 0 before the first one.
func (q *Queue) Floor() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.open) > 0 {
		return arrival(q.open[0].id)
	}
	floor := int64(0)
	for _, id := range q.through { // the entries come in order, so the latest one is the last
		floor = max(floor, arrival(id))
	}
	return floor
}

// Nack takes deliveries back; Receive returns them again.
func (q *Queue) Nack(_ context.Context, deliveries []streams.Delivery) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.again = append(q.again, deliveries...)
	q.signal()
	return nil
}

// BeginAttempt returns the delivery: nothing is quarantined.
func (q *Queue) BeginAttempt(_ context.Context, d streams.Delivery) (streams.Delivery, bool, error) {
	return d, true, nil
}

// Extend does nothing: nobody else takes what was delivered.
func (q *Queue) Extend(context.Context, []streams.Delivery) ([]string, error) { return nil, nil }

// Close stops reading.
func (q *Queue) Close(context.Context) error {
	q.entries.stop()
	return nil
}
