// Package streams is the way of a record through Redis: the queues from which
// deliveries come and to which they are settled, with all that keeps a stream
// in order — leases, reclaim, dead letters, the delayed set, trimming and the
// ledger.
package streams

import (
	"context"
	"encoding/json"
	"time"

	"ingestion/record"
)

// Queue hands out deliveries and takes their outcomes. Both implementations,
// List and Stream, pass the suite in streamstest. A Queue is used by one
// reader at a time; Settle, Extend and HandBack may run beside it and beside
// each other.
type Queue interface {
	// Receive waits for up to the poll time and returns 1 to max deliveries,
	// or none where nothing came. Once it has taken something it returns it,
	// also when ctx ends: the caller holds it until it is settled or handed
	// back. An error means that nothing was taken, as far as can be known.
	Receive(ctx context.Context, max int) ([]Delivery, error)

	// Settle records what became of deliveries. It may be repeated after an
	// error: what was settled before is not settled again.
	Settle(ctx context.Context, settlements []Settlement) (Settled, error)

	// Extend renews the lease on deliveries that are still this consumer's.
	// It returns the IDs of those that are not.
	Extend(ctx context.Context, held []Delivery) (lost []string, err error)

	// HandBack returns deliveries unsettled, to be delivered again at once, in
	// their order, here or elsewhere.
	HandBack(ctx context.Context, held []Delivery) error

	// Close gives up what the queue itself holds. The caller has settled or
	// handed back all that it holds.
	Close(ctx context.Context) error
}

// Delivery is one record's body on its way, with where it comes from.
type Delivery struct {
	ID          string            // stream entry ID; empty in list mode
	Origin      string            // ID under which the record first came, where it was put back since
	Body        []byte            // the record as it arrived
	Fields      map[string]string // all fields of an entry that has no field `data`; else nil
	ArrivedAt   int64             // ms since 1970, by Redis' clock; 0 in list mode
	AdmitAt     int64             // ms: the place in its customer's window that was reserved for it; else 0
	Redelivered bool              // taken over from a worker, so it may be in the store already
	Deliveries  int64             // times delivered, this one included
	TraceParent string            // W3C trace context, if the producer gave one
}

// FirstID is the entry ID under which the record first came.
func (d *Delivery) FirstID() string {
	if d.Origin != "" {
		return d.Origin
	}
	return d.ID
}

// Content is the body, or the fields as JSON of an entry that has none.
func (d *Delivery) Content() []byte {
	if d.Fields == nil {
		return d.Body
	}
	content, _ := json.Marshal(d.Fields) // strings can always be encoded
	return content
}

// Settlement is the outcome of one delivery.
type Settlement struct {
	Delivery
	Outcome record.Outcome
	Reason  string    // why it was refused; goes into the dead letter
	Due     time.Time // when a deferred record goes back on the stream
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
