package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"golang.org/x/sync/errgroup"
)

// stored is what a lookup reads of a document in the collection.
type stored struct {
	streamID string
	name     string
	insertID bson.ObjectID // of the insertion, in list mode; zero in stream mode
}

// answer is the result of looking up one _id.
type answer struct {
	asked  bool // false: the lookup failed before it came to this one
	exists bool
	stored
}

// lookUp looks up the documents that a unique index refuses, and settles them.
func (in *insertion) lookUp(ctx context.Context) {
	if len(in.toLookUp) == 0 {
		return
	}
	ids := make([]string, len(in.toLookUp))
	for k, i := range in.toLookUp {
		ids[k] = in.items[i].doc.Record.ID
	}
	answers, failure := in.store.find(ctx, ids)
	if failure != nil {
		in.fail(failure)
	}
	var left []int
	for k, i := range in.toLookUp {
		switch a := answers[k]; {
		case !a.asked:
			left = append(left, i)
		case a.exists:
			in.settleStored(i, a.stored, false)
			in.store.setControl(in.items[i].doc.Record.ID, in.items[i].raw)
		default:
			in.notFound(i)
		}
	}
	in.toLookUp = left
}

// notFound decides about a document that a unique index refuses although its _id
// does not exist. If the index may be that of _id, the document is sent again: the
// other one may just have been deleted. It is rejected in the end, since nothing
// shows that it is stored.
func (in *insertion) notFound(i int) {
	it := &in.items[i]
	it.misses++
	switch {
	case it.found.class == OtherIndex:
		in.reject(i, Result{Reason: fmt.Sprintf("another document has the same value in the unique index on %s (code %d)", it.index, it.found.code)})
	case it.found.class == UnknownIndex && it.misses > 1:
		in.reject(i, Result{Reason: fmt.Sprintf("another document has the same value in a unique index (code %d)", it.found.code)})
	case it.misses >= in.store.opts.UnknownTries:
		in.reject(i, Result{Keep: true,
			Reason: fmt.Sprintf("MongoDB reports that the _id exists but finds no such document (code %d); look for orphaned documents on a shard or a client that deletes documents, then replay the dead letter", it.found.code)})
	default:
		in.toSend = append(in.toSend, segment{items: []int{i}})
	}
}

// Owned reports for each document whether the collection already holds it as
// inserted for this stream entry: with the same _id, StreamID and name, and so that
// no failover removes it. It blocks and fails like Insert; the answers are valid only
// if the error is nil.
//
// A document found on the primary is read once more with read concern
// linearizable, one _id per query: MongoDB answers once a majority has confirmed
// what it read. Read concern majority would not do, since it reads a snapshot that
// may lag behind and lack a document that was just acknowledged. A standalone server
// cannot fail over, so what it answers first is final.
//
// The lookups of Insert need no such read: they follow a duplicate key error under
// write concern majority, which MongoDB returns only once the existing document is
// durable.
func (s *Store) Owned(ctx context.Context, docs []Document) ([]bool, error) {
	var own []bool
	err := s.retry(ctx, "look up", hopeless, func(ctx context.Context) error {
		var failure *Error
		if own, failure = s.owned(ctx, docs); failure != nil {
			return failure
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return own, nil
}

func (s *Store) owned(ctx context.Context, docs []Document) ([]bool, *Error) {
	ids := make([]string, len(docs))
	for i := range docs {
		ids[i] = docs[i].Record.ID
	}
	answers, failure := s.find(ctx, ids)
	if failure != nil {
		return nil, failure
	}
	own := make([]bool, len(docs))
	var found []int
	for i, a := range answers {
		if own[i] = a.exists && sameEntry(&docs[i], a.stored); own[i] {
			found = append(found, i)
		}
	}
	if len(found) == 0 || s.standalone.Load() {
		return own, nil
	}
	ids = ids[:0]
	for _, i := range found {
		ids = append(ids, docs[i].Record.ID)
	}
	answers = make([]answer, len(ids))
	if failure := s.findSingly(ctx, ids, answers, linearizable); failure != nil {
		return nil, failure
	}
	for k, i := range found {
		own[i] = answers[k].exists && sameEntry(&docs[i], answers[k].stored)
	}
	return own, nil
}

// hopeless reports whether no retry can help. At run time that excludes wrong
// credentials, which an operator may correct.
func hopeless(err error) bool {
	var failure *Error
	return errors.As(err, &failure) && failure.Class == Configuration
}

// find looks up ids on the primary. It returns one answer per ID, in order; after a
// failure some may not be asked.
func (s *Store) find(ctx context.Context, ids []string) ([]answer, *Error) {
	answers := make([]answer, len(ids))
	if len(ids) == 0 {
		return answers, nil
	}
	mode, failure := s.modeOfLookups(ctx)
	switch {
	case failure != nil:
		return answers, failure
	case mode == singleLookups:
		failure = s.findSingly(ctx, ids, answers, local)
	default:
		failure = s.findTogether(ctx, ids, answers)
	}
	if failure == nil {
		s.notifier.recovered()
	}
	return answers, failure
}

// maxLookup limits the _ids of one $in, so that the reply fits into one document
// of 16 MiB: a name has at most 1 KiB.
const maxLookup = 500

func (s *Store) findTogether(ctx context.Context, ids []string, answers []answer) *Error {
	for len(ids) > 0 {
		n := min(len(ids), maxLookup)
		if failure := s.findOnce(ctx, ids[:n], answers[:n], local); failure != nil {
			return failure
		}
		ids, answers = ids[n:], answers[n:]
	}
	return nil
}

// findSingly asks for one _id per command, LookupConcurrency of them at a time over
// all calls of the store.
func (s *Store) findSingly(ctx context.Context, ids []string, answers []answer, c readConcern) *Error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cap(s.lookups))
	for i := range ids {
		group.Go(func() error {
			select {
			case s.lookups <- struct{}{}:
				defer func() { <-s.lookups }()
			case <-ctx.Done():
				return nil // the failure that ended it is reported
			}
			if failure := s.findOnce(ctx, ids[i:i+1], answers[i:i+1], c); failure != nil {
				return failure
			}
			return nil
		})
	}
	if failure, ok := group.Wait().(*Error); ok {
		return failure
	}
	if slices.ContainsFunc(answers, func(a answer) bool { return !a.asked }) {
		return newError(verdict{class: Canceled}, context.Canceled, 0)
	}
	return nil
}

// readConcern says how durable the documents that a lookup reads have to be.
type readConcern bool

const (
	local        readConcern = false // on the primary, but a failover may remove them
	linearizable readConcern = true  // on a majority
)

// findOnce sends one find command and fills in the answers. On a server without
// linearizable reads it reads locally.
func (s *Store) findOnce(ctx context.Context, ids []string, answers []answer, c readConcern) *Error {
	l := s.pace.current()
	reply, err := s.command(ctx, l.timeout, bson.Raw(appendFind(nil, s.coll.Name(), ids, c)))
	var found map[string]stored
	if err == nil {
		found, err = parseFind(reply)
	}
	if err != nil {
		v := classifyLookup(err)
		if c == linearizable && notLinearizable[v.code] {
			failure := s.findOnce(ctx, ids, answers, local)
			if failure == nil {
				s.standalone.Store(true)
			}
			return failure
		}
		return newError(v, err, l.timeout)
	}
	for k, id := range ids {
		answers[k].asked = true
		answers[k].stored, answers[k].exists = found[id]
	}
	return nil
}

// notLinearizable lists the codes that servers without linearizable reads return:
// NotAReplicaSet from a standalone one; BadValue, FailedToParse, InvalidOptions,
// CommandNotSupported, NotImplemented, IDLUnknownField from others.
var notLinearizable = map[int32]bool{123: true, 2: true, 9: true, 72: true, 115: true, 238: true, 40415: true}

// How lookups are sent; 0 means that it is not known yet.
const (
	batchedLookups int32 = iota + 1 // by $in
	singleLookups                   // one _id per command
)

// modeOfLookups returns singleLookups for FerretDB 1, which scans the collection
// for an $in but uses the index for a single _id, and batchedLookups for any other
// server. The server is asked once.
func (s *Store) modeOfLookups(ctx context.Context) (int32, *Error) {
	if mode := s.lookupMode.Load(); mode != 0 {
		return mode, nil
	}
	l := s.pace.current()
	reply, err := s.command(ctx, l.timeout, bson.D{{Key: "buildInfo", Value: 1}})
	if err != nil {
		v := classifyLookup(err)
		if v.code != 13 && v.code != 59 { // Unauthorized, CommandNotFound
			return 0, newError(v, err, l.timeout)
		}
		reply = nil // no FerretDB, which answers every client
	}
	mode := batchedLookups
	if version, _ := reply.Lookup("ferretdbVersion").StringValueOK(); strings.HasPrefix(version, "v1.") {
		mode = singleLookups
	}
	s.lookupMode.Store(mode)
	return mode, nil
}
