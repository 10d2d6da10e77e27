package store

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

const (
	// maxDocument is MongoDB's limit for one document
	// (https://www.mongodb.com/docs/manual/reference/limits/#bson-documents).
	maxDocument = 16 << 20
	// maxMessage bounds the documents of one insert, in bytes. A command's body
	// may have 16 MiB, which a single larger document may use up.
	maxMessage = 8 << 20
)

// appendDocument appends d as BSON to dst. ingestedAt is in Unix milliseconds. A
// document without a streamId bears the ID of the call that inserts it: nothing
// else tells it from a copy that another worker inserts in the same millisecond.
func appendDocument(dst []byte, d *Document, ingestedAt int64, call bson.ObjectID) []byte {
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
		dst = bsoncore.AppendObjectIDElement(dst, "insertId", call)
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

// appendInsert appends the insert command for docs. It carries its own write
// concern, because a raw command does not obey the client's.
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

// appendFind appends the find command that fetches what tells an own document
// from another's, for the given _ids; as it is on the primary, or, if linearizable,
// as it will stay through a failover. The latter waits for a majority, as long as
// maxTimeMS lets it: the driver adds that, and MongoDB refuses a field that a
// command has twice.
func appendFind(dst []byte, collection string, ids []string, linearizable bool) []byte {
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
	if linearizable {
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

// appendIndexed appends an array element's type and key without making a
// string of the key.
func appendIndexed(dst []byte, t bsoncore.Type, i int) []byte {
	dst = append(dst, byte(t))
	dst = strconv.AppendInt(dst, int64(i), 10)
	return append(dst, 0)
}

// endDocument closes what was opened at start, a document or an array.
func endDocument(dst []byte, start int32) []byte {
	dst = append(dst, 0)
	return bsoncore.UpdateLength(dst, start, int32(len(dst))-start)
}

func appendBuildInfo(dst []byte) []byte {
	start, dst := bsoncore.AppendDocumentStart(dst)
	dst = bsoncore.AppendInt32Element(dst, "buildInfo", 1)
	return endDocument(dst, start)
}

// insert sends docs as one message within the tempo's time limit.
func (s *Store) insert(ctx context.Context, docs [][]byte, t tempo) (insertReply, error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	buf := commands.Get().(*[]byte)
	defer keepCommand(buf)
	*buf = appendInsert((*buf)[:0], s.coll.Name(), docs)
	return readInsert(s.coll.Database().RunCommand(ctx, bson.Raw(*buf)).Raw())
}

// commands holds buffers for commands; the driver copies what it is given.
var commands = sync.Pool{New: func() any { return new([]byte) }}

func keepCommand(buf *[]byte) {
	if cap(*buf) <= roomyBytes {
		commands.Put(buf)
	}
}

// insertReply is what an insert's reply says, read by ourselves: the driver
// drops the index at fault of a write error.
type insertReply struct {
	n            int64 // documents inserted
	counted      bool  // n was given
	writeErrors  []writeError
	writeConcern *int32 // code of the writeConcernError, if there is one
}

// writeError is one entry of writeErrors. index counts within the message.
type writeError struct {
	index      int
	code       int32
	keyPattern bson.Raw
}

// errMalformed is a reply that can't be what a server says of this insert.
var errMalformed = errors.New("malformed reply")

// readInsert tells a reply about documents from the failure of a whole call. A
// nil error means that the reply is worth reading document by document.
func readInsert(raw bson.Raw, err error) (insertReply, error) {
	var written mongo.WriteException
	if err != nil && !errors.As(err, &written) {
		return insertReply{}, err
	}
	if len(raw) == 0 {
		raw = written.Raw
	}
	return parseInsert(raw)
}

func parseInsert(raw bson.Raw) (insertReply, error) {
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
	array, ok := v.ArrayOK()
	if !ok {
		return nil, errMalformed
	}
	values, err := array.Values()
	if err != nil {
		return nil, errMalformed
	}
	list := make([]writeError, 0, len(values))
	for _, value := range values {
		doc, ok := value.DocumentOK()
		if !ok {
			return nil, errMalformed
		}
		keyPattern, _ := doc.Lookup("keyPattern").DocumentOK()
		list = append(list, writeError{index: int(int32Of(doc, "index")), code: int32Of(doc, "code"), keyPattern: keyPattern})
	}
	return list, nil
}

func int32Of(doc bson.Raw, key string) int32 {
	n, _ := doc.Lookup(key).AsInt64OK()
	return int32(n)
}

// consistent says that the reply accounts for each of sent documents once: as
// inserted, or by one write error.
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
