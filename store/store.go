// Package store inserts customer records into MongoDB, each exactly once, and
// reports the outcome of every one.
//
// A batch is one unordered insert with write concern majority and journaling.
// classify.go gives every error of MongoDB a meaning. Transient errors are
// retried with backoff until the context ends. A document whose _id already
// exists is looked up, to tell the repeated insert of one entry from a duplicate.
//
// Read store.go first, then insert.go and outcome.go. The command and reply formats are in
// wire.go, lookups in lookup.go, and what is done about an error code that has no
// known meaning in unknowncode.go.
//
// All exported functions and methods are safe for concurrent use.
package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/internal/plural"
	"ingestion/internal/retry"
	"ingestion/record"
)

// Document is a record to be inserted.
type Document struct {
	Record record.Record
	// StreamID is the ID of the record's stream entry, or of the entry it was first
	// published as; empty in list mode. A stored document with the same StreamID and
	// name was inserted for this entry.
	StreamID string
}

// Result is what became of one document.
type Result struct {
	// Outcome is Ingested, Duplicate or Rejected; 0 means that the document has none
	// yet.
	Outcome record.Outcome
	// Postponed marks a document without an outcome that MongoDB refuses with an
	// error code of unknown meaning. Insert it again later: it is eventually inserted
	// or Rejected.
	Postponed bool
	// Keep marks a Rejected document that MongoDB might accept another time. Its dead
	// letter should be kept even where dead letters are turned off.
	Keep bool
	// Conflict marks a Duplicate whose stored name differs.
	Conflict bool
	// Reason says why a document was Rejected. It contains error codes and names of
	// indexed fields, never values.
	Reason string
}

// Options configures a Store. The zero value of each field selects the default,
// which is what production uses. A negative value is an error.
type Options struct {
	// CommandTimeout limits one command; the default is 10 s. After timeouts it grows
	// up to twelvefold while batches shrink.
	CommandTimeout time.Duration
	// LookupConcurrency limits how many lookups of a single _id run at a time, over
	// all calls; the default is 4. Only FerretDB 1 and linearizable reads need these.
	// Other lookups take one command per batch.
	LookupConcurrency int
	// InitialBackoff and MaxBackoff bound the pause between two attempts; the
	// defaults are 100 ms and 30 s. Pauses are jittered, but never exceed MaxBackoff.
	InitialBackoff, MaxBackoff time.Duration
	// UnknownTries is how many times a batch fails with an error code of unknown
	// meaning before it is bisected, and how many strikes reject a document; the
	// default is 5.
	UnknownTries int
	// StrikeInterval is the minimum time between two strikes against a document; the
	// default is one minute. While n documents collect strikes it is n times as long,
	// at most 60 times.
	StrikeInterval time.Duration
	// Observer receives retries and strikes; nil means none does.
	Observer Observer
	// Now is the clock that sets ingestedAt and the time of strikes; nil means
	// time.Now.
	Now func() time.Time
}

// withDefaults returns o with its zero fields set.
func (o Options) withDefaults() Options {
	setDefault(&o.CommandTimeout, 10*time.Second)
	setDefault(&o.LookupConcurrency, 4)
	setDefault(&o.InitialBackoff, 100*time.Millisecond)
	setDefault(&o.MaxBackoff, 30*time.Second)
	setDefault(&o.UnknownTries, 5)
	setDefault(&o.StrikeInterval, time.Minute)
	if o.Observer == nil {
		o.Observer = noObserver{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate reports all faults of o, whose defaults are set.
func (o Options) validate() error {
	var faults []error
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"CommandTimeout", int64(o.CommandTimeout)}, {"LookupConcurrency", int64(o.LookupConcurrency)},
		{"InitialBackoff", int64(o.InitialBackoff)}, {"MaxBackoff", int64(o.MaxBackoff)},
		{"UnknownTries", int64(o.UnknownTries)}, {"StrikeInterval", int64(o.StrikeInterval)},
	} {
		if field.value < 0 {
			faults = append(faults, fmt.Errorf("%s is negative", field.name))
		}
	}
	if o.MaxBackoff < o.InitialBackoff {
		faults = append(faults, fmt.Errorf("MaxBackoff %v is less than InitialBackoff %v", o.MaxBackoff, o.InitialBackoff))
	}
	return errors.Join(faults...)
}

// Store inserts into one collection. It needs no Close; its creator disconnects
// the client.
type Store struct {
	coll    *mongo.Collection
	opts    Options
	backoff retry.Policy

	pace     *pace
	notifier *notifier

	// For lookups, see lookup.go.
	lookups    chan struct{} // holds a token for each lookup of a single _id that runs
	lookupMode atomic.Int32
	standalone atomic.Bool // the server has no linearizable reads

	// For documents refused with an unknown code, see evidence.go.
	evidence *evidence
	inserted atomic.Uint64 // documents inserted
	control  atomic.Pointer[controlDocument]
}

// New returns a Store that inserts into coll. It sends nothing yet: Await does.
// The collection's client is best configured by ClientOptions.
func New(coll *mongo.Collection, opts Options) (*Store, error) {
	if coll == nil {
		return nil, errors.New("store: the collection is nil")
	}
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, fmt.Errorf("store: invalid options: %w", err)
	}
	return &Store{
		coll:     coll,
		opts:     opts,
		backoff:  retry.Policy{Initial: opts.InitialBackoff, Max: opts.MaxBackoff},
		pace:     newPace(opts.CommandTimeout),
		notifier: newNotifier(opts.Observer),
		lookups:  make(chan struct{}, opts.LookupConcurrency),
		evidence: newEvidence(opts.StrikeInterval),
	}, nil
}

// Insert inserts docs and returns one result for each, in the same order. It
// blocks, retrying with backoff, until every document has an outcome or is
// Postponed. Then the error is nil.
//
// Otherwise the error wraps ctx's error, if ctx ended first, or is an *Error of
// class Configuration, which no retry can help. The results are valid in both
// cases; a document without an outcome may or may not have been written, and is
// safe to insert again.
//
// If an _id occurs more than once in docs, the first document is inserted and the
// others are duplicates of it. If the first is rejected, the next takes its place.
func (s *Store) Insert(ctx context.Context, docs []Document) ([]Result, error) {
	if len(docs) == 0 {
		return nil, nil
	}
	in := newInsertion(s, docs)
	defer in.release()
	if err := in.run(ctx); err != nil {
		return in.results, fmt.Errorf("store: no outcome for %d of %s: %w", in.open, plural.Of(len(docs), "document", "documents"), err)
	}
	return in.results, nil
}
