package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ingestion/internal/plural"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// State is where a record is, or what became of it.
type State string

// The states.
const (
	StateUndelivered State = "undelivered" // on the stream, and not delivered yet
	StateQueued      State = "queued"      // in the list
	StatePending     State = "pending"     // delivered to a worker, and not settled
	StateQuarantined State = "quarantined" // pending, and worked on alone since it may kill its worker
	StateDelayed     State = "deferred"    // waits in the delayed set
	StateDead        State = "dead"        // refused, and kept as a dead letter
	StateReplayed    State = "replayed"    // a dead letter was put back on the stream
	StateReturned    State = "returned"    // put back on the stream from the delayed set
	StateIngested    State = "ingested"    // its document is in MongoDB
	StateDuplicate   State = "duplicate"   // another entry's document has its _id
	StateDropped     State = "dropped"     // refused, and not kept
	StateSettled     State = "settled"     // finished, with an outcome that nothing tells any more
	StateMissing     State = "missing"     // deleted by another client while it was pending
	StateDeleted     State = "deleted"     // deleted by another client before it was delivered
	StateTrimmed     State = "trimmed"     // settled and trimmed, if there ever was such an entry
	StateAbsent      State = "absent"      // there is nothing with this ID
)

// Certainty is how much the evidence of a step proves.
type Certainty string

// The certainties.
const (
	Certain  Certainty = "certain"
	Likely   Certainty = "likely"   // the evidence has another, less common explanation
	Unproven Certainty = "unproven" // nothing speaks against it, and little for it
)

// Step is one step of a record's way.
type Step struct {
	At        time.Time // UTC; zero: unknown
	State     State     // "" for the arrival
	Place     string    // a Redis key, or a MongoDB collection
	Text      string    // one sentence; has no personal data
	Evidence  string    // what proves it
	Certainty Certainty
}

// Way is what is known of one record, or of one of its entries.
type Way struct {
	EntryID    string // "" in list mode
	DeadID     string // its dead letter's ID; "" if there is none
	Key        string // of the partition or the list
	Partition  int
	Position   int64 // in the list, from 1 at the head; 0 in stream mode
	State      State
	Certainty  Certainty
	Outcome    record.Outcome // 0: none yet, or unknown
	Conflict   bool           // a duplicate with another name
	Origin     string         // the record's first entry, if it was put back since; else ""
	Back       string         // the entry as which it was put back, if that is not settled
	Source     string         // where the record came from, if the producer said so
	CustomerID string         // "" if it is unknown
	Record     *record.Record // nil if the body is not known or not valid
	Refusal    *record.Refusal
	Steps      []Step // in order of time
	Slot       *Slot
	SlotErr    error // why Slot is unknown
	Document   *store.Stored
	// DocumentsErr is why it is unknown whether there is a document.
	DocumentsErr error
}

// add appends a step.
func (w *Way) add(s Step) { w.Steps = append(w.Steps, s) }

// end sets the state, and adds a step that says so.
func (w *Way) end(s Step) {
	w.State, w.Certainty = s.State, s.Certainty
	w.add(s)
}

// Looked is how far a bounded scan has looked.
type Looked struct {
	Place string // a Redis key
	Seen  int64
	Total int64 // at the beginning of the scan
	// Reached means that the scan came to the end of what it was to look at.
	Reached bool
	Back    time.Time // UTC; the age of the oldest that was seen; zero if that has no time
	// Interrupted means that the context ended the scan.
	Interrupted bool
}

// All reports whether nothing was left out.
func (l Looked) All() bool { return (l.Reached || l.Seen >= l.Total) && !l.Interrupted }

// Trace is what is known of an ID or of a customer.
type Trace struct {
	At         time.Time // by the clock of Redis, UTC
	ID         string    // what was asked for; "" for a customer
	CustomerID string
	Email      string    // as in CustomerQuery
	CreatedAt  time.Time // zero for any
	Ways       []*Way    // newest first
	Matches    int64     // how many records the scans found; Ways may be fewer
	Window     *limiter.Window
	WindowErr  error
	Looked     []Looked
	// Unread are the partitions that could not be read while others could.
	Unread []Unread
	// DocumentsErr is why documents were not, or not all, looked for.
	DocumentsErr error
	// Collection is where documents are, as database.collection.
	Collection string
}

// Documents finds documents in MongoDB. store.Store implements it.
type Documents interface {
	Find(ctx context.Context, field store.Field, value string, limit int64) ([]store.Stored, error)
	Indexed(ctx context.Context, field store.Field) (bool, error)
}

// ErrNoDocuments means that MongoDB was not asked.
var ErrNoDocuments = errors.New("MongoDB was not asked")

// Tracer finds records and says how they got where they are. It writes nothing. It is not
// for concurrent use.
type Tracer struct {
	Source
	Limiter *limiter.Limiter // whose Bases are Source's keys
	Decoder record.Decoder
	// ProcessingClock means that the limiter judges by the time of processing.
	ProcessingClock bool

	// KeepsRefused means that the workers keep records over their limit as dead letters.
	KeepsRefused bool

	Documents    Documents // nil: MongoDB is not asked
	DocumentsErr error     // why Documents is nil; nil: ErrNoDocuments
	Collection   string    // database.collection
	// DocumentsTimeout bounds one search of a collection without an index. 0: 5 s.
	DocumentsTimeout time.Duration

	Scan  int64 // entries, dead letters and so on that a scan may look at; 0: DefaultScan
	Limit int   // ways of a customer that are followed, newest first; 0: 20
	// BeforeScan is called before a scan, which it prevents by an error. It may be nil.
	BeforeScan func() error
	// Progress is called now and then during a scan. It may be nil.
	Progress func(Looked)

	// What a scan has found among dead letters, by their key and entry, and whether it has
	// looked at all of them.
	letters  map[string]map[string]*streams.DeadLetter
	complete map[string]bool
}

// DefaultScan is how many entries a scan looks at unless Tracer.Scan says otherwise.
const DefaultScan = 100_000

// scan bounds how many entries, dead letters, deferred records and notes are looked at, of
// each kind.
func (t *Tracer) scan() int64 {
	if t.Scan > 0 {
		return t.Scan
	}
	return DefaultScan
}

// ByID traces an entry, a dead letter or a document. partition is the index of the
// partition to look in, or -1 for all. IDs that are neither are an error; so is a ledger of
// another group, a *streams.OwnerError. The error is nil also if nothing is found.
func (t *Tracer) ByID(ctx context.Context, id string, partition int) (*Trace, error) {
	if err := t.checkOwner(ctx); err != nil {
		return nil, err
	}
	tr := &Trace{ID: id, Collection: t.Collection}
	var err error
	switch {
	case IsDocumentID(id):
		err = t.byDocumentID(ctx, tr)
	case !IsEntryID(id):
		return nil, fmt.Errorf("%q is neither an entry's ID, such as 1795477478417-0, nor an _id of 64 hex digits", id)
	case t.IsList():
		err = t.byLetterID(ctx, tr)
	default:
		err = t.byEntryID(ctx, tr, partition)
	}
	return tr, err
}

// byEntryID looks in each partition: two of them may have entries with the same ID.
func (t *Tracer) byEntryID(ctx context.Context, tr *Trace, partition int) error {
	var absent *Way
	for i, key := range t.Keys {
		if partition >= 0 && i != partition {
			continue
		}
		e, err := t.readEntry(ctx, key, tr.ID)
		if partition < 0 && t.passes(ctx, tr, key, err) {
			continue
		}
		if err != nil {
			return err
		}
		tr.At = e.now
		ways, err := t.waysOf(ctx, tr, e, i)
		if err != nil {
			return err
		}
		for _, w := range ways {
			if !w.Found() {
				if absent == nil || w.State != StateAbsent {
					absent = w
				}
				continue
			}
			tr.Ways = append(tr.Ways, w)
		}
	}
	if len(tr.Ways) == 0 && absent != nil {
		if others := len(t.Keys) - 1 - len(tr.Unread); absent.State == StateAbsent && partition < 0 && others > 0 {
			absent.Steps[0].Evidence += fmt.Sprintf("; %s no such entry either", plural.Of(others, "other partition has", "other partitions have"))
		}
		tr.Ways = append(tr.Ways, absent)
	}
	return nil
}

// Found reports whether the trace has found anything.
func (tr *Trace) Found() bool { return slices.ContainsFunc(tr.Ways, (*Way).Found) }

// Found reports whether there is, or certainly was, such a record.
func (w *Way) Found() bool {
	return w.State != StateAbsent && w.State != StateTrimmed && w.State != StateDeleted
}
