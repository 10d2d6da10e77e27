package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"golang.org/x/sync/errgroup"
)

// stored is what a look-up fetches of a document.
type stored struct {
	streamID string
	name     string
	insertID bson.ObjectID // the call that inserted it; zero in stream mode
}

// answer is what a look-up learned of one _id.
type answer struct {
	asked bool // false: the look-up failed before it came to this one
	there bool
	stored
}

// maxLookup bounds the _ids of one $in, so that a reply stays within one
// document of 16 MiB and comes whole: a name has at most 1 KiB.
const maxLookup = 500

// lookUp fetches what is stored under the _ids of the documents that are there
// and settles them by it.
func (c *call) lookUp(ctx context.Context) {
	if len(c.toLookUp) == 0 {
		return
	}
	ids := make([]string, len(c.toLookUp))
	for k, i := range c.toLookUp {
		ids[k] = c.items[i].doc.Record.ID
	}
	answers, failure := c.store.find(ctx, ids)
	if failure != nil {
		c.note(failure)
	}
	var left []int
	for k, i := range c.toLookUp {
		switch a := answers[k]; {
		case !a.asked:
			left = append(left, i)
		case a.there:
			c.settleStored(i, a.stored, false)
			c.store.prove(c.items[i].doc.Record.ID, c.items[i].raw)
		default:
			c.missing(i)
		}
	}
	c.toLookUp = left
}

// missing decides about a document that a unique index refuses though its _id
// isn't there. An _id may have been deleted in between, so where its index is
// or may be the one at fault the document is tried again. In the end it is
// rejected: what nobody has seen is not stored.
func (c *call) missing(i int) {
	it := &c.items[i]
	it.misses++
	switch {
	case it.found.class == OtherIndex:
		c.reject(i, Result{Reason: fmt.Sprintf("another document has the same value of the unique index on %s (code %d)", it.index, it.found.code)})
	case it.found.class == UnknownIndex && it.misses > 1:
		c.reject(i, Result{Reason: fmt.Sprintf("another document has the same value of a unique index (code %d)", it.found.code)})
	case it.misses >= c.store.opts.UnknownTries:
		c.reject(i, Result{Keep: true,
			Reason: fmt.Sprintf("MongoDB says that the _id is there and finds no document with it (code %d); look for orphaned documents of a shard, or for who deletes them, and replay the dead letter", it.found.code)})
	default:
		c.toSend = append(c.toSend, segment{items: []int{i}})
	}
}

// Owned says for each document whether the collection holds it already as this
// entry's own, that is under its _id and with its StreamID and name, so that a
// failover does not take it back. It blocks and fails like Insert; on an error the
// answers are worthless.
//
// What is found on the primary is asked for once more with read concern
// linearizable, one _id a query: that is answered once a majority has confirmed
// what was read. Majority would not do: it answers from a snapshot that may lag
// behind, and a document just acknowledged could be missing in it. A server that
// is no replica set has nothing to roll back, and is not asked again.
//
// The look-ups of Insert need none of this: they follow an insert that was refused
// as a duplicate under write concern majority, and MongoDB confirms such a reply
// only once the document at fault is durable as well.
func (s *Store) Owned(ctx context.Context, docs []Document) ([]bool, error) {
	var own []bool
	err := s.persist(ctx, "look up", givenUp, func(ctx context.Context) error {
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
		if own[i] = a.there && ownsByStreamID(&docs[i], a.stored); own[i] {
			found = append(found, i)
		}
	}
	if len(found) == 0 || s.noReplicas.Load() {
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
		own[i] = answers[k].there && ownsByStreamID(&docs[i], answers[k].stored)
	}
	return own, nil
}

// givenUp says at run time, when even wrong credentials are waited out, that
// waiting can't help.
func givenUp(err error) bool {
	var failure *Error
	return errors.As(err, &failure) && failure.Class == Configuration
}

// find looks up ids on the primary. There is one answer an id, in order; some
// may be missing on failure.
func (s *Store) find(ctx context.Context, ids []string) ([]answer, *Error) {
	answers := make([]answer, len(ids))
	if len(ids) == 0 {
		return answers, nil
	}
	single, failure := s.wantsSingleLookups(ctx)
	if failure != nil {
		return answers, failure
	}
	if single {
		failure = s.findSingly(ctx, ids, answers, plain)
	} else {
		failure = s.findTogether(ctx, ids, answers)
	}
	if failure == nil {
		s.recovered()
	}
	return answers, failure
}

func (s *Store) findTogether(ctx context.Context, ids []string, answers []answer) *Error {
	for len(ids) > 0 {
		n := min(len(ids), maxLookup)
		if failure := s.findSome(ctx, ids[:n], answers[:n], plain); failure != nil {
			return failure
		}
		ids, answers = ids[n:], answers[n:]
	}
	return nil
}

// findSingly asks for one _id at a time, the number under way bounded over all
// calls of the store.
func (s *Store) findSingly(ctx context.Context, ids []string, answers []answer, c concern) *Error {
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
			if failure := s.findSome(ctx, ids[i:i+1], answers[i:i+1], c); failure != nil {
				return failure
			}
			return nil
		})
	}
	if failure, ok := group.Wait().(*Error); ok {
		return failure
	}
	if !allAsked(answers) {
		return newError(verdict{class: Cancelled}, context.Canceled, 0)
	}
	return nil
}

func allAsked(answers []answer) bool {
	for _, a := range answers {
		if !a.asked {
			return false
		}
	}
	return true
}

// concern is how sure a look-up has to be of what it reads.
type concern bool

const (
	plain        concern = false
	linearizable concern = true
)

// findSome sends one find command and fills in the answers. Where the server
// knows no linearizable reads it does without.
func (s *Store) findSome(ctx context.Context, ids []string, answers []answer, c concern) *Error {
	t := s.pace.current()
	raw, err := s.command(ctx, t.timeout, appendFind(nil, s.coll.Name(), ids, bool(c), t.timeout))
	var documents []bson.Raw
	if err == nil {
		documents, err = readFind(raw)
	}
	if err != nil {
		v := classifyLookup(err)
		if c == linearizable && notLinearizable[v.code] {
			failure := s.findSome(ctx, ids, answers, plain)
			if failure == nil {
				s.noReplicas.Store(true)
			}
			return failure
		}
		return newError(v, err, t.timeout)
	}
	found := make(map[string]stored, len(documents))
	for _, doc := range documents {
		id, _ := doc.Lookup("_id").StringValueOK()
		found[id] = readStored(doc)
	}
	for k, id := range ids {
		answers[k].asked = true
		answers[k].stored, answers[k].there = found[id]
	}
	return nil
}

// notLinearizable lists what servers say that know no linearizable reads:
// NotAReplicaSet of a standalone one; BadValue, FailedToParse, InvalidOptions,
// CommandNotSupported, NotImplemented, IDLUnknownField of others.
var notLinearizable = map[int32]bool{123: true, 2: true, 9: true, 72: true, 115: true, 238: true, 40415: true}

// command runs a command that is no insert, within limit; a raw command goes to
// the primary.
func (s *Store) command(ctx context.Context, limit time.Duration, command bson.Raw) (bson.Raw, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return s.coll.Database().RunCommand(ctx, command).Raw()
}

func readFind(reply bson.Raw) ([]bson.Raw, error) {
	batch, ok := reply.Lookup("cursor", "firstBatch").ArrayOK()
	if !ok {
		return nil, errMalformed
	}
	values, err := batch.Values()
	if err != nil {
		return nil, errMalformed
	}
	documents := make([]bson.Raw, 0, len(values))
	for _, v := range values {
		doc, ok := v.DocumentOK()
		if !ok {
			return nil, errMalformed
		}
		documents = append(documents, doc)
	}
	return documents, nil
}

func readStored(doc bson.Raw) stored {
	var st stored
	st.streamID, _ = doc.Lookup("streamId").StringValueOK()
	st.name, _ = doc.Lookup("name").StringValueOK()
	st.insertID, _ = doc.Lookup("insertId").ObjectIDOK()
	return st
}

// The ways of asking, as far as they are known.
const (
	flavourUnknown int32 = iota
	flavourTogether
	flavourSingle
)

// wantsSingleLookups says whether the server is a FerretDB 1, which scans the
// whole collection for an $in but finds one _id at once. Later ones are as fast at
// $in as MongoDB. It is asked once.
func (s *Store) wantsSingleLookups(ctx context.Context) (bool, *Error) {
	if known := s.flavour.Load(); known != flavourUnknown {
		return known == flavourSingle, nil
	}
	t := s.pace.current()
	raw, err := s.command(ctx, t.timeout, appendBuildInfo(nil))
	if err != nil {
		v := classifyLookup(err)
		if v.code != 13 && v.code != 59 { // Unauthorized, CommandNotFound
			return false, newError(v, err, t.timeout)
		}
		raw = nil // a FerretDB tells everybody
	}
	flavour := flavourTogether
	if version, _ := raw.Lookup("ferretdbVersion").StringValueOK(); strings.HasPrefix(version, "v1.") {
		flavour = flavourSingle
	}
	s.flavour.Store(flavour)
	return flavour == flavourSingle, nil
}
