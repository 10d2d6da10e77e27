package streams

import (
	"context"
	"errors"
	"time"

	"ingestion/record"
)

// Queue delivers records and takes their outcomes. List, Stream and Partitions
// implement it and pass the suite in streamstest. One goroutine at a time may
// call Receive; Settle, Extend, Nack and BeginAttempt may run concurrently with
// it and with each other.
type Queue interface {
	// Receive waits for up to the poll timeout and returns 1 to max deliveries,
	// or none if nothing arrived. Deliveries already taken from Redis are returned
	// even if ctx has ended: the caller holds them until it settles or nacks
	// them. A quarantined delivery is returned alone and without its body: see
	// BeginAttempt. After an error nothing was taken, as far as can be known.
	Receive(ctx context.Context, max int) ([]Delivery, error)

	// BeginAttempt counts an attempt at a quarantined delivery, then returns the
	// delivery with its body. The attempt stays counted unless the delivery is
	// settled or nacked. It returns false if this consumer no longer holds the
	// delivery. It may be repeated after an error.
	BeginAttempt(ctx context.Context, quarantined Delivery) (Delivery, bool, error)

	// Settle records the outcomes of deliveries. It may be repeated after an
	// error: a delivery is settled only once.
	Settle(ctx context.Context, settlements []Settlement) (Settled, error)

	// Extend renews the leases of deliveries that this consumer still holds and
	// returns the IDs of the others.
	Extend(ctx context.Context, held []Delivery) (lost []string, err error)

	// Nack returns deliveries to the queue, in their order, for immediate
	// redelivery to any consumer.
	Nack(ctx context.Context, held []Delivery) error

	// Close releases what the queue itself holds. Before that the caller has
	// settled or nacked all its deliveries.
	Close(ctx context.Context) error
}

// pollSlice is the longest single wait inside Redis. A clean shutdown waits for
// it, so it is short; BLPOP takes whole seconds.
const pollSlice = time.Second

// Delivery is one record's body and its origin. Strings and body share the
// memory of the reply they came in, all of which stays allocated as long as any
// of them: do not modify the body, and clone what is kept for long.
type Delivery struct {
	ID          string   // stream entry ID; empty in list mode
	Origin      string   // ID of the record's first entry if it was put back since; else empty
	Body        []byte   // the record as it arrived
	Fields      []string // alternating names and values of an entry without exactly one field "data"; else nil
	ArrivedAt   int64    // Unix ms by the clock of Redis; 0 in list mode
	AdmitAt     int64    // Unix ms: the slot reserved in the customer's window; else 0
	Deliveries  int64    // number of deliveries, including this one
	TraceParent string   // W3C trace context, if the producer set one
	TraceState  string
	Source      string // where the record came from, for example customers.csv:12, if the producer said so
	// Attempts counts the quarantined attempts that did not end cleanly, including
	// the one begun by BeginAttempt.
	Attempts int64

	// Failed tells Nack that the delivery was processed and failed: the delivery,
	// or the attempt at a quarantined one, stays counted.
	Failed bool

	Redelivered bool // the record may be in the store already
	// Quarantined means that the entry was delivered more often than allowed, so it
	// may kill its worker: process it while the process holds nothing else.
	Quarantined bool

	marked     bool   // has the fields of an entry that was put back; a producer may have set them
	partition  int32  // index in Partitions
	pop        uint64 // sequence number of the pop; 0 in stream mode
	wireBytes  int    // size in the reply; 0 if unknown
	unread     bool   // quarantined, and its body was not read
	attempting bool   // quarantined, and BeginAttempt has counted this attempt
}

// MaxAttempts is the number of quarantined attempts that may end with the death
// of the worker before the record is poisoned.
const MaxAttempts = 3

// Exhausted reports whether a quarantined delivery has used up its attempts.
func (d *Delivery) Exhausted() bool {
	return d.Quarantined && d.Attempts >= MaxAttempts && !d.attempting
}

// FirstID is the ID of the record's first entry.
func (d *Delivery) FirstID() string {
	if d.Origin != "" {
		return d.Origin
	}
	return d.ID
}

// size is about how many bytes the delivery takes, or took in the reply.
func (d *Delivery) size() int { return max(d.contentSize(), d.wireBytes) }

// contentSize is the number of bytes that the delivery refers to.
func (d *Delivery) contentSize() int {
	n := len(d.Body) + len(d.ID) + len(d.Origin) + len(d.TraceParent) + len(d.TraceState) + len(d.Source)
	for _, s := range d.Fields {
		n += len(s)
	}
	return n
}

// Settlement is the outcome of one delivery. Settle reads the delivery and
// retains nothing of it; nobody may change it meanwhile.
type Settlement struct {
	*Delivery
	Outcome record.Outcome
	Reason  string    // why the record was refused; written to the dead letter
	Due     time.Time // when a deferred record returns to the stream
	Keep    bool      // write a dead letter even if they are off: the refusal may be wrong
	// CustomerID is the record's customer, for the count of those that hit their limit
	// most often; it may be empty.
	CustomerID string
}

// Settled is the result of Settle.
type Settled struct {
	Count int      // deliveries settled by this call
	Kept  []string // IDs still pending, since their dead letter or delayed record could not be written
	Lost  []string // IDs of refusals now held by another consumer, left to it
	// GroupGone is true if the stream or its group no longer exists.
	GroupGone bool
	// Cause is the error because of which entries were kept.
	Cause error
}

func (s *Settled) add(more Settled) {
	s.Count += more.Count
	s.Kept = append(s.Kept, more.Kept...)
	s.Lost = append(s.Lost, more.Lost...)
	s.GroupGone = s.GroupGone || more.GroupGone
	s.Cause = errors.Join(s.Cause, more.Cause)
}
