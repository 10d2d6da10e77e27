package store

import (
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/record"
)

// This file turns what MongoDB replied about documents into results. insert.go sends them.

// settleReply settles the documents of a command by its reply.
func (in *insertion) settleReply(part segment, reply insertReply) {
	refused := make([]bool, len(part.items))
	for _, e := range reply.writeErrors {
		refused[e.index] = true
	}
	for k, i := range part.items {
		if !refused[k] {
			in.settleStored(i, in.asStored(i), true)
		}
	}
	if n := len(part.items) - len(reply.writeErrors); n > 0 {
		in.inserted += n
		first := &in.items[part.items[slices.Index(refused, false)]]
		in.store.setControl(first.doc.Record.ID, first.raw)
	}
	var again []int
	failed := 0
	for _, e := range reply.writeErrors {
		i := part.items[e.index]
		switch in.settleWriteError(i, e) {
		case sendAgain:
			again = append(again, i)
			failed++
		case refusedUnknown:
			failed++
		}
	}
	if len(again) > 0 {
		in.toSend = append(in.toSend, segment{items: again})
	}
	if failed < len(part.items) && !isMany(failed, len(part.items)) {
		in.store.notifier.recovered()
	}
}

// isMany reports whether n of all documents failed alike are more than bad records
// would explain: more than three, and more than a tenth.
func isMany(n, all int) bool { return n > max(3, all/10) }

// step is what follows a write error.
type step int

const (
	decided        step = iota // settled, or to be looked up
	sendAgain                  // in the next round
	refusedUnknown             // with an unknown code; see decideRefusals
)

// settleWriteError acts on the server's error about document i.
func (in *insertion) settleWriteError(i int, e writeError) step {
	v := verdict{classifyDocument(e.code, e.keyPattern), e.code}
	if v.class == Configuration && in.store.inserted.Load() > 0 {
		v.class = UnknownCode // the configuration works: the code concerns the document, or one shard
	}
	switch v.class {
	case Duplicate, OtherIndex, UnknownIndex:
		in.planLookUp(i, v, e.keyPattern)
		return decided
	case Rejected:
		in.reject(i, Result{Reason: fmt.Sprintf("MongoDB rejects the document (code %d)", e.code)})
		return decided
	case UnknownCode:
		in.refuse(refusal{i, newError(v, nil, 0), false})
		return refusedUnknown
	}
	if v.class.mayBeApplied() {
		in.items[i].mayBeApplied = true
	}
	in.fail(newError(v, nil, 0))
	return sendAgain
}

// planLookUp plans the lookup of a document that a unique index refuses.
func (in *insertion) planLookUp(i int, v verdict, keyPattern bson.Raw) {
	it := &in.items[i]
	it.found, it.index = v, indexFields(keyPattern)
	in.toLookUp = append(in.toLookUp, i)
}

// indexFields lists the fields of an index, which reveal no data.
func indexFields(keyPattern bson.Raw) string {
	elements, err := keyPattern.Elements()
	if err != nil {
		return ""
	}
	names := make([]string, len(elements))
	for k, e := range elements {
		names[k] = e.Key()
	}
	return strings.Join(names, ", ")
}

// settle gives document i its result.
func (in *insertion) settle(i int, r Result) {
	in.results[i] = r
	in.open--
}

// settleStored settles document i and its twins by the document in the
// collection. inserted means that this insertion has just written it for i.
func (in *insertion) settleStored(i int, doc stored, inserted bool) {
	in.store.evidence.forget(in.items[i].doc.Record.ID)
	own := inserted || in.owns(i, doc)
	if inserted || own && in.items[i].mayBeApplied {
		in.store.inserted.Add(1)
	}
	in.settle(i, in.resultOf(i, doc, own))
	for j := in.items[i].twin; j >= 0; j = in.items[j].twin {
		in.settle(j, in.resultOf(j, doc, in.owns(j, doc)))
	}
}

// asStored is document i as it is in the collection once inserted.
func (in *insertion) asStored(i int) stored {
	d := in.items[i].doc
	return stored{streamID: d.StreamID, name: d.Record.Name, insertID: in.id}
}

func (in *insertion) resultOf(i int, doc stored, own bool) Result {
	if own {
		return Result{Outcome: record.Ingested}
	}
	return Result{Outcome: record.Duplicate, Conflict: doc.name != in.items[i].doc.Record.Name}
}

// owns reports whether doc was stored for document i: by the same entry or, in
// list mode, by an earlier attempt of this insertion. A document with another name
// is another record's, whatever its ID.
func (in *insertion) owns(i int, doc stored) bool {
	it := &in.items[i]
	if it.doc.StreamID != "" {
		return sameEntry(it.doc, doc)
	}
	return it.mayBeApplied && doc.insertID == in.id && doc.name == it.doc.Record.Name
}

// sameEntry reports whether doc was stored for the stream entry of d.
func sameEntry(d *Document, doc stored) bool {
	return d.StreamID != "" && doc.streamID == d.StreamID && doc.name == d.Record.Name
}

// reject settles document i as rejected, for the reason in r. Twins of the same
// entry are rejected as well; the next other twin is sent in its place.
func (in *insertion) reject(i int, r Result) {
	r.Outcome = record.Rejected
	in.store.evidence.forget(in.items[i].doc.Record.ID)
	in.settle(i, r)
	id := in.items[i].doc.StreamID
	j := in.items[i].twin
	for ; j >= 0 && id != "" && in.items[j].doc.StreamID == id; j = in.items[j].twin {
		in.settle(j, r)
	}
	if j >= 0 {
		in.toSend = append(in.toSend, segment{items: []int{j}})
	}
}
