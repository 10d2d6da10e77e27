// Package store writes customer records into MongoDB, each once, and says for
// every one of them what became of it.
//
// A batch goes out as one unordered insert with write concern majority and
// journal. Whatever MongoDB answers is given a meaning in classify.go; what is
// transient is sent again with backoff until it is settled or the context
// ends; a document whose _id is there already is looked up, so that a repeated
// insert of one's own is told from a duplicate.
//
// The package imports record only. All exported methods may be called by any
// number of goroutines.
package store

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/record"
)

// Document is one record on its way into MongoDB.
type Document struct {
	Record record.Record
	// StreamID is the entry's ID, or its origin where it has one; empty in list
	// mode. A stored document that bears the same StreamID is the entry's own.
	StreamID string
}

// Result says what became of one document.
type Result struct {
	// Outcome is Ingested, Duplicate or Rejected; 0 means still open.
	Outcome record.Outcome
	// Postponed marks an open document that MongoDB refuses for a reason unknown,
	// while it takes others. Insert it again after a while: in the end it is taken
	// or Rejected, and meanwhile it holds nobody up.
	Postponed bool
	// Keep marks a Rejected document about which something is left in doubt: its
	// dead letter is to be kept even where they are not kept.
	Keep bool
	// Conflict marks a Duplicate whose stored name differs.
	Conflict bool
	// Reason says why a document was Rejected: codes and field names of the
	// index at fault, never values.
	Reason string
}

// Observer learns of the store's troubles. Its methods are called one at a time,
// from the goroutines that call the store; they must not block and must not call
// the store. See Watch for when a call gives up.
type Observer interface {
	// Waiting is called after each failed attempt, before the pause of the given
	// length. err is an *Error whose text is fit for an operator and holds
	// neither secrets nor values of records.
	Waiting(err error, class Class, next time.Duration)
	// Recovered is called once when an attempt succeeds after Waiting.
	Recovered()
	// Doubted is called for each strike against a record that MongoDB refuses for
	// a reason unknown.
	Doubted(Doubt)
}

// Options tunes a Store. The zero value is what production uses.
type Options struct {
	// CallTimeout is the outer time limit of one command, 10 s by default. After
	// time-outs it grows up to twelvefold while the batches shrink.
	CallTimeout time.Duration
	// LookupConcurrency bounds the single look-ups by _id under way at a time on
	// FerretDB 1, and of linearizable ones, over all calls, 4 by default. Others are
	// asked once a batch.
	LookupConcurrency int
	// InitialBackoff and MaxBackoff are the bounds of the pause between two
	// attempts, 100 ms and 30 s by default; jitter keeps within MaxBackoff.
	InitialBackoff, MaxBackoff time.Duration
	// UnknownTries is how often an error of unknown meaning is met before the
	// batch is bisected, and how many strikes reject a single document; 5 by
	// default.
	UnknownTries int
	// StrikeEvery is the least time between two strikes against a document, one
	// minute by default; with n documents in doubt it is n times as long.
	StrikeEvery time.Duration
	// Observer may be nil.
	Observer Observer
	// Now is the clock of ingestedAt and of the strikes, time.Now by default.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.CallTimeout <= 0 {
		o.CallTimeout = 10 * time.Second
	}
	if o.LookupConcurrency <= 0 {
		o.LookupConcurrency = 4
	}
	if o.InitialBackoff <= 0 {
		o.InitialBackoff = 100 * time.Millisecond
	}
	if o.MaxBackoff <= 0 {
		o.MaxBackoff = 30 * time.Second
	}
	if o.UnknownTries <= 0 {
		o.UnknownTries = 5
	}
	if o.StrikeEvery <= 0 {
		o.StrikeEvery = time.Minute
	}
	if o.Observer == nil {
		o.Observer = deaf{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

type deaf struct{}

func (deaf) Waiting(error, Class, time.Duration) {}
func (deaf) Recovered()                          {}
func (deaf) Doubted(Doubt)                       {}

// Store inserts into one collection. It owns no connection: closing the client
// is its creator's business.
type Store struct {
	coll *mongo.Collection
	opts Options

	pace       *pace
	trouble    *trouble
	lookups    chan struct{} // one slot a single look-up under way
	noReplicas atomic.Bool   // the server knows no linearizable reads
	flavour    atomic.Int32  // how look-ups are asked, see lookup.go
	doubts     *doubts
	inserted   atomic.Uint64                  // documents that went in
	proven     atomic.Pointer[provenDocument] // one that is in the collection
}

// New returns a Store that writes to coll.
func New(coll *mongo.Collection, opts Options) *Store {
	opts = opts.withDefaults()
	return &Store{
		coll:    coll,
		opts:    opts,
		pace:    newPace(opts.CallTimeout),
		trouble: newTrouble(opts.Observer),
		doubts:  newDoubts(opts.StrikeEvery),
		lookups: make(chan struct{}, opts.LookupConcurrency),
	}
}

// Insert writes docs and returns one result each, in the same order. It blocks,
// retrying with backoff, until every document has a result or is Postponed.
//
// The error is nil then. It wraps ctx's error when ctx ended first, and is an
// *Error of class Configuration, at once, where waiting can't help. In both
// cases the results are valid as far as they go; a document still open has
// Outcome 0, may have been written or not, and is safe to insert again.
//
// Where an _id occurs more than once in docs, the first is inserted and the
// others are duplicates of it; if it is rejected the next one takes its place.
func (s *Store) Insert(ctx context.Context, docs []Document) ([]Result, error) {
	if len(docs) == 0 {
		return nil, nil
	}
	c := newCall(s, docs)
	defer c.leave()
	if err := c.run(ctx); err != nil {
		return c.results, fmt.Errorf("store: %d of %d documents not settled: %w", c.open, len(docs), err)
	}
	return c.results, nil
}


