package store

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

const (
	// maxDocument is MongoDB's limit for one document
	// (https://www.mongodb.com/docs/manual/reference/limits/#bson-documents).
	maxDocument = 16 << 20
	// maxCommand limits the documents of one insert command, in bytes. Only a single
	// larger document may exceed it: MongoDB accepts commands of up to 16 MiB.
	maxCommand = 8 << 20
)

// appendDocument appends d as BSON to dst. ingestedAt is in Unix milliseconds. A
// document without a streamId carries the ID of the insertion instead: nothing else
// tells it from a copy that another worker inserts in the same millisecond.
func appendDocument(dst []byte, d *Document, ingestedAt int64, insertion bson.ObjectID) []byte {
	start, dst := bsoncore.AppendDocumentStart(dst)
	dst = bsoncore.AppendStringElement(dst, "_id", d.Record.ID)
	dst = bsoncore.AppendStringElement(dst, "customerId", d.Record.CustomerID)
	dst = bsoncore.AppendStringElement(dst, "name", d.Record.Name)
	dst = bsoncore.AppendStringElement(dst, "email", d.Record.Email)
	dst = bsoncore.AppendDateTimeElement(dst, "createdAt", d.Record.CreatedAt.UnixMilli())
	dst = bsoncore.AppendDateTimeElement(dst, "ingestedAt", ingestedAt)
	if d.StreamID != "" {
		dst = bsoncore.AppendStringElement(dst, "streamId", d.StreamID)
	} else {
		dst = bsoncore.AppendObjectIDElement(dst, "insertId", insertion)
	}
	return endDocument(dst, start)
}

// encodedSize is the exact length of what appendDocument appends.
func encodedSize(d *Document) int {
	const fixed = 4 + 1 + // the document's length and its end
		4*(1+1+4+1) + len("_id"+"customerId"+"name"+"email") + // strings: type, key's end, length, end
		2*(1+1+8) + len("createdAt"+"ingestedAt") // dates: type, key's end, value
	n := fixed + len(d.Record.ID) + len(d.Record.CustomerID) + len(d.Record.Name) + len(d.Record.Email)
	if d.StreamID != "" {
		n += 1 + 1 + 4 + 1 + len("streamId") + len(d.StreamID)
	} else {
		n += 1 + 1 + len("insertId") + len(bson.ObjectID{})
	}
	return n
}

// appendInsert appends the insert command for docs. It includes the write concern,
// since the driver does not add the client's to a raw command.
func appendInsert(dst []byte, collection string, docs [][]byte) []byte {
	start, dst := bsoncore.AppendDocumentStart(dst)
	dst = bsoncore.AppendStringElement(dst, "insert", collection)
	dst = bsoncore.AppendBooleanElement(dst, "ordered", false)
	dst = appendWriteConcern(dst)
	array, dst := bsoncore.AppendArrayElementStart(dst, "documents")
	for i, doc := range docs {
		dst = appendIndexed(dst, bsoncore.TypeEmbeddedDocument, i)
		dst = append(dst, doc...)
	}
	dst = endDocument(dst, array)
	return endDocument(dst, start)
}

func appendWriteConcern(dst []byte) []byte {
	start, dst := bsoncore.AppendDocumentElementStart(dst, "writeConcern")
	dst = bsoncore.AppendStringElement(dst, "w", "majority")
	dst = bsoncore.AppendBooleanElement(dst, "j", true)
	return endDocument(dst, start)
}

// appendFind appends the find command that fetches the fields of stored for the
// given _ids. The driver adds maxTimeMS, which bounds a linearizable read; adding it
// here as well would make MongoDB refuse the command.
func appendFind(dst []byte, collection string, ids []string, c readConcern) []byte {
	start, dst := bsoncore.AppendDocumentStart(dst)
	dst = bsoncore.AppendStringElement(dst, "find", collection)
	dst = appendIDFilter(dst, ids)
	projection, dst := bsoncore.AppendDocumentElementStart(dst, "projection")
	for _, field := range [...]string{"streamId", "name", "insertId"} {
		dst = bsoncore.AppendInt32Element(dst, field, 1)
	}
	dst = endDocument(dst, projection)
	dst = bsoncore.AppendInt32Element(dst, "limit", int32(len(ids)))
	dst = bsoncore.AppendInt32Element(dst, "batchSize", int32(len(ids)))
	dst = bsoncore.AppendBooleanElement(dst, "singleBatch", true)
	if c == linearizable {
		concern, with := bsoncore.AppendDocumentElementStart(dst, "readConcern")
		with = bsoncore.AppendStringElement(with, "level", "linearizable")
		dst = endDocument(with, concern)
	}
	return endDocument(dst, start)
}

func appendIDFilter(dst []byte, ids []string) []byte {
	filter, dst := bsoncore.AppendDocumentElementStart(dst, "filter")
	if len(ids) == 1 {
		dst = bsoncore.AppendStringElement(dst, "_id", ids[0])
		return endDocument(dst, filter)
	}
	id, dst := bsoncore.AppendDocumentElementStart(dst, "_id")
	in, dst := bsoncore.AppendArrayElementStart(dst, "$in")
	for i, s := range ids {
		dst = appendIndexed(dst, bsoncore.TypeString, i)
		dst = bsoncore.AppendString(dst, s)
	}
	dst = endDocument(dst, in)
	dst = endDocument(dst, id)
	return endDocument(dst, filter)
}

// appendIndexed appends the type and key of an array element, without allocating
// the key.
func appendIndexed(dst []byte, t bsoncore.Type, i int) []byte {
	dst = append(dst, byte(t))
	dst = strconv.AppendInt(dst, int64(i), 10)
	return append(dst, 0)
}

// endDocument ends the document or array that begins at start.
func endDocument(dst []byte, start int32) []byte {
	dst = append(dst, 0)
	return bsoncore.UpdateLength(dst, start, int32(len(dst))-start)
}

// insert sends docs as one command within the limits' timeout.
func (s *Store) insert(ctx context.Context, docs [][]byte, l limits) (insertReply, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	buf := commandPool.Get().(*[]byte)
	*buf = appendInsert((*buf)[:0], s.coll.Name(), docs)
	reply, err := parseInsert(s.coll.Database().RunCommand(ctx, bson.Raw(*buf)).Raw())
	if cap(*buf) <= maxPooledBytes {
		commandPool.Put(buf)
	}
	return reply, err
}

// commandPool holds buffers of commands; the driver copies what it is given.
var commandPool = sync.Pool{New: func() any { return new([]byte) }}

// command runs any other command, a bson.Raw or bson.D, within the given time. The
// driver sends it to the primary.
func (s *Store) command(ctx context.Context, timeout time.Duration, command any) (bson.Raw, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return s.coll.Database().RunCommand(ctx, command).Raw()
}

// insertReply is the reply to an insert. It is parsed here because the driver's
// write errors lack the keyPattern.
type insertReply struct {
	n            int64 // documents inserted
	counted      bool  // the reply has n
	writeErrors  []writeError
	writeConcern *int32 // code of the writeConcernError, if any
}

// writeError is the error of one document. index counts within the command;
// keyPattern is that of the unique index at fault, nil where the server sends none.
type writeError struct {
	index      int
	code       int32
	keyPattern bson.Raw
}

// errMalformed is a reply that makes no sense for its command.
var errMalformed = errors.New("malformed reply")

// parseInsert returns the reply of an insert that may have failed for single
// documents, or the error of the whole command.
func parseInsert(raw bson.Raw, err error) (insertReply, error) {
	var written mongo.WriteException
	if err != nil && !errors.As(err, &written) {
		return insertReply{}, err
	}
	if len(raw) == 0 {
		raw = written.Raw
	}
	elements, err := raw.Elements()
	if err != nil {
		return insertReply{}, errMalformed
	}
	var r insertReply
	for _, e := range elements {
		switch e.Key() {
		case "n":
			r.n, r.counted = e.Value().AsInt64OK()
		case "writeErrors":
			if r.writeErrors, err = parseWriteErrors(e.Value()); err != nil {
				return insertReply{}, err
			}
		case "writeConcernError":
			if doc, ok := e.Value().DocumentOK(); ok {
				code := int32Of(doc, "code")
				r.writeConcern = &code
			}
		}
	}
	return r, nil
}

func parseWriteErrors(v bson.RawValue) ([]writeError, error) {
	docs, err := documentsOf(v)
	if err != nil {
		return nil, err
	}
	list := make([]writeError, len(docs))
	for i, doc := range docs {
		keyPattern, _ := doc.Lookup("keyPattern").DocumentOK()
		list[i] = writeError{index: int(int32Of(doc, "index")), code: int32Of(doc, "code"), keyPattern: keyPattern}
	}
	return list, nil
}

// documentsOf returns the documents of an array.
func documentsOf(v bson.RawValue) ([]bson.Raw, error) {
	array, ok := v.ArrayOK()
	if !ok {
		return nil, errMalformed
	}
	values, err := array.Values()
	if err != nil {
		return nil, errMalformed
	}
	docs := make([]bson.Raw, len(values))
	for i, value := range values {
		if docs[i], ok = value.DocumentOK(); !ok {
			return nil, errMalformed
		}
	}
	return docs, nil
}

func int32Of(doc bson.Raw, key string) int32 {
	n, _ := doc.Lookup(key).AsInt64OK()
	return int32(n)
}

// consistent reports whether the reply accounts for each document sent exactly
// once: as inserted, or by one write error.
func (r insertReply) consistent(sent int) bool {
	seen := make([]bool, sent)
	for _, e := range r.writeErrors {
		if e.index < 0 || e.index >= sent || seen[e.index] {
			return false
		}
		seen[e.index] = true
	}
	return !r.counted || r.n == int64(sent-len(r.writeErrors))
}

// parseFind returns the documents that a find fetched, by _id.
func parseFind(reply bson.Raw) (map[string]stored, error) {
	docs, err := documentsOf(reply.Lookup("cursor", "firstBatch"))
	if err != nil {
		return nil, err
	}
	found := make(map[string]stored, len(docs))
	for _, doc := range docs {
		var st stored
		id, _ := doc.Lookup("_id").StringValueOK()
		st.streamID, _ = doc.Lookup("streamId").StringValueOK()
		st.name, _ = doc.Lookup("name").StringValueOK()
		st.insertID, _ = doc.Lookup("insertId").ObjectIDOK()
		found[id] = st
	}
	return found, nil
}
