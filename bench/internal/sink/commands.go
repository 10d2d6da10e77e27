package sink

import (
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"ingestion/internal/test/mongo/wire"
)

const duplicateKey = 11000 // E11000

// answer executes inserts and lookups, and acknowledges everything else.
func (s *Sink) answer(request *wire.Message) ([]byte, error) {
	body := bsoncore.Document(request.Body)
	command, err := body.IndexErr(0)
	if err != nil {
		return nil, errUnknown
	}
	switch command.Key() {
	case "hello", "isMaster", "ismaster":
		return hello()
	case "insert":
		return s.insert(request)
	case "find":
		return s.find(body)
	default:
		return bson.Marshal(bson.D{{Key: "ok", Value: 1.0}})
	}
}

// insert inserts each document independently, as unordered inserts do.
func (s *Sink) insert(request *wire.Message) ([]byte, error) {
	var there []int // indexes of documents whose _id already exists
	n := 0
	err := request.EachDocument(func(document bson.Raw) {
		if s.each != nil {
			s.each(document)
		}
		if s.memory != nil && !s.memory.add(bsoncore.Document(document)) {
			there = append(there, n)
		}
		n++
	})
	if err != nil {
		return nil, err
	}
	inserted := n - len(there)
	s.documents.Add(int64(inserted))
	start, reply := bsoncore.AppendDocumentStart(nil)
	reply = bsoncore.AppendInt32Element(reply, "n", int32(inserted))
	if len(there) > 0 {
		reply = appendWriteErrors(reply, there)
	}
	reply = bsoncore.AppendDoubleElement(reply, "ok", 1)
	return bsoncore.AppendDocumentEnd(reply, start)
}

func appendWriteErrors(dst []byte, there []int) []byte {
	array, dst := bsoncore.AppendArrayElementStart(dst, "writeErrors")
	for i, index := range there {
		var start, pattern int32
		start, dst = bsoncore.AppendDocumentElementStart(dst, strconv.Itoa(i))
		dst = bsoncore.AppendInt32Element(dst, "index", int32(index))
		dst = bsoncore.AppendInt32Element(dst, "code", duplicateKey)
		pattern, dst = bsoncore.AppendDocumentElementStart(dst, "keyPattern")
		dst = bsoncore.AppendInt32Element(dst, "_id", 1)
		dst, _ = bsoncore.AppendDocumentEnd(dst, pattern)
		dst = bsoncore.AppendStringElement(dst, "errmsg", "E11000 duplicate key error index: _id_")
		dst, _ = bsoncore.AppendDocumentEnd(dst, start)
	}
	dst, _ = bsoncore.AppendArrayEnd(dst, array)
	return dst
}

// find answers {_id: one} and {_id: {$in: [some]}} from memory.
func (s *Sink) find(command bsoncore.Document) ([]byte, error) {
	start, reply := bsoncore.AppendDocumentStart(nil)
	cursor, reply := bsoncore.AppendDocumentElementStart(reply, "cursor")
	batch, reply := bsoncore.AppendArrayElementStart(reply, "firstBatch")
	n := 0
	look := func(id bsoncore.Value) {
		if f, ok := s.memory.find(textOf(id)); ok {
			reply = append(reply, byte(bsoncore.TypeEmbeddedDocument))
			reply = append(append(reply, strconv.Itoa(n)...), 0)
			reply = f.append(reply)
			n++
		}
	}
	if s.memory != nil {
		id := command.Lookup("filter", "_id")
		if in := command.Lookup("filter", "_id", "$in"); in.Type == bsoncore.TypeArray {
			if err := eachValue(in, look); err != nil {
				return nil, err
			}
		} else {
			look(id)
		}
	}
	reply, _ = bsoncore.AppendArrayEnd(reply, batch)
	reply = bsoncore.AppendInt64Element(reply, "id", 0)
	reply = bsoncore.AppendStringElement(reply, "ns", "bench.documents")
	reply, _ = bsoncore.AppendDocumentEnd(reply, cursor)
	reply = bsoncore.AppendDoubleElement(reply, "ok", 1)
	return bsoncore.AppendDocumentEnd(reply, start)
}

func eachValue(array bsoncore.Value, do func(bsoncore.Value)) error {
	values, ok := array.ArrayOK()
	if !ok {
		return errUnknown
	}
	_, rest, ok := bsoncore.ReadLength(values)
	for ok && len(rest) > 1 {
		var e bsoncore.Element
		if e, rest, ok = bsoncore.ReadElement(rest); ok {
			do(e.Value())
		}
	}
	if !ok {
		return errUnknown
	}
	return nil
}

func hello() ([]byte, error) {
	return bson.Marshal(bson.D{
		{Key: "ismaster", Value: true}, {Key: "isWritablePrimary", Value: true},
		{Key: "maxBsonObjectSize", Value: int32(16 << 20)}, {Key: "maxMessageSizeBytes", Value: int32(wire.MaxMessage)},
		{Key: "maxWriteBatchSize", Value: int32(100_000)}, {Key: "localTime", Value: time.Now()},
		{Key: "minWireVersion", Value: int32(0)}, {Key: "maxWireVersion", Value: int32(21)},
		{Key: "readOnly", Value: false}, {Key: "ok", Value: 1.0},
	})
}
