// Package streams is the way of a record through Redis: the queues from which
// deliveries come and to which they are settled, with all that keeps a stream
// in order — leases, reclaim, dead letters, the delayed set, trimming and the
// ledger.
package streams

import (
	"context"
	"time"

	"ingestion/record"
)

// Queue hands out deliveries and takes their outcomes. Its implementations,
// List, Stream and Partitions, pass the suite in streamstest. A Queue is used by one
// reader at a time; Settle, Extend and Nack may run beside it and beside
// each other.
type Queue interface {
	// Receive waits for up to the poll time and returns 1 to max deliveries,
	// or none where nothing came. Once it has taken something it returns it,
	// also when ctx ends: the caller holds it until it is settled or handed
	// back. A suspect comes alone and without its body: see Try. An error means
	// that nothing was taken, as far as can be known.
	Receive(ctx context.Context, max int) ([]Delivery, error)

	// Try begins a lone attempt at a suspect and returns it with its body. The
	// attempt counts as a death until the delivery is settled or handed back.
	// False means that the suspect is not held any more. It may be repeated
	// after an error.
	Try(ctx context.Context, suspect Delivery) (Delivery, bool, error)

	// Settle records what became of deliveries. It may be repeated after an
	// error: what was settled before is not settled again.
	Settle(ctx context.Context, settlements []Settlement) (Settled, error)

	// Extend renews the lease on deliveries that are still this consumer's.
	// It returns the IDs of those that are not.
	Extend(ctx context.Context, held []Delivery) (lost []string, err error)

	// Nack returns deliveries unsettled, to be delivered again at once, in
	// their order, here or elsewhere.
	Nack(ctx context.Context, held []Delivery) error

	// Close gives up what the queue itself holds. The caller has settled or
	// handed back all that it holds.
	Close(ctx context.Context) error
}

// Delivery is one record's body on its way, with where it comes from. Its
// strings and its body are parts of what was read with it, all of which stays in
// memory as long as one of them: the body must not be written to, and what is
// kept for long has to be cloned.
type Delivery struct {
	ID          string   // stream entry ID; empty in list mode
	Origin      string   // ID under which the record first came, where it was put back since
	Body        []byte   // the record as it arrived
	Fields      []string // names and values in turn of an entry that is not one body: its field `data` is not there once; else nil
	ArrivedAt   int64    // ms since 1970, by Redis' clock; 0 in list mode
	AdmitAt     int64    // ms: the place in its customer's window that was reserved for it; else 0
	Deliveries  int64    // times delivered, this one included
	TraceParent string   // W3C trace context, if the producer gave one
	TraceState  string   // what goes with it
	// Tries counts the lone attempts at a suspect that came to no orderly end,
	// with the one that Try has begun.
	Tries int64

	// Failed says, when it is handed back, that it was worked on and this failed: the
	// delivery, or the lone attempt at a suspect, stays counted.
	Failed bool

	Redelivered bool // taken over from a worker, so it may be in the store already
	// Suspect says that the entry was delivered more often than is allowed,
	// perhaps since it kills its worker: it is to be worked on while the process
	// holds nothing else.
	Suspect   bool
	claims    bool   // it has fields as what we put back has, which a producer may have given it
	partition int32  // which of Partitions it comes from
	pop       uint64 // the number of a list's pop; 0 in stream mode
	taken     int    // bytes in the reply that it came in; 0 if not known
	unread    bool   // a suspect whose body was not read
	tried     bool   // a suspect that Try has begun to work on
}

// MaxTries is how many lone attempts may kill their worker before a suspect is
// a culprit: poisoned.
const MaxTries = 3

// Deadly says that all lone attempts at a suspect have been used up.
func (d *Delivery) Deadly() bool { return d.Suspect && d.Tries >= MaxTries && !d.tried }

// FirstID is the entry ID under which the record first came.
func (d *Delivery) FirstID() string {
	if d.Origin != "" {
		return d.Origin
	}
	return d.ID
}

// Content is the body, or all fields as JSON of an entry that is not one body;
// what is not UTF-8 is shown by U+FFFD there.
func (d *Delivery) Content() []byte {
	if d.Fields == nil {
		return d.Body
	}
	return fieldsJSON(d.Fields)
}

// size is how many bytes the delivery takes, or took in the reply, roughly.
func (d *Delivery) size() int { return max(d.content(), d.taken) }

// content is how many bytes it refers to.
func (d *Delivery) content() int {
	n := len(d.Body) + len(d.ID) + len(d.Origin) + len(d.TraceParent) + len(d.TraceState)
	for _, s := range d.Fields {
		n += len(s)
	}
	return n
}

// Settlement is the outcome of one delivery. The delivery stays its holder's:
// Settle reads it and keeps nothing of it, and nobody changes it meanwhile.
type Settlement struct {
	*Delivery
	Outcome record.Outcome
	Reason  string    // why it was refused; goes into the dead letter
	Due     time.Time // when a deferred record goes back on the stream
	Keep    bool      // keep its dead letter even where they are off: the refusal is not beyond doubt
}

// Settled says what a call of Settle did.
type Settled struct {
	Count int      // deliveries that this call settled
	Kept  []string // IDs whose dead letter or delayed entry could not be written; still pending
	Lost  []string // IDs of refusals that are another consumer's by now; left to it
	// GroupGone is true where the stream or its group does not exist any more.
	GroupGone bool
	// Cause is why entries were kept.
	Cause error
}
