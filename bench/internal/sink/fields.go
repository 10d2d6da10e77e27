package sink

import (
	"bytes"
	"encoding/binary"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// fields are the fields that a lookup returns, as slices of the document;
// missing ones are nil or 0.
type fields struct {
	id, streamID, name []byte
	ingestedAt         int64 // Unix ms
}

// fieldsOf reads a document without the driver's checks, which would cost more
// than everything else. It stops at a value that is neither a string nor a
// date, which no document of the worker has.
func fieldsOf(document []byte) fields {
	var f fields
	rest := document[min(4, len(document)):] // after its length
	for len(rest) > 1 {
		kind, end := bsoncore.Type(rest[0]), bytes.IndexByte(rest, 0)
		if end < 0 {
			break
		}
		key, value := rest[1:end], rest[end+1:]
		size := sizeOf(kind, value)
		if size == 0 || size > len(value) {
			break
		}
		switch string(key) {
		case "_id":
			f.id = textOf(bsoncore.Value{Type: kind, Data: value})
		case "streamId":
			f.streamID = textOf(bsoncore.Value{Type: kind, Data: value})
		case "name":
			f.name = textOf(bsoncore.Value{Type: kind, Data: value})
		case "ingestedAt":
			f.ingestedAt, _ = bsoncore.Value{Type: kind, Data: value}.DateTimeOK()
		}
		rest = value[size:]
	}
	return f
}

// sizeOf returns the size of a value in bytes; 0 if it is unknown.
func sizeOf(kind bsoncore.Type, value []byte) int {
	switch {
	case kind == bsoncore.TypeString && len(value) > 4:
		return 4 + int(binary.LittleEndian.Uint32(value))
	case kind == bsoncore.TypeDateTime:
		return 8
	}
	return 0
}

// textOf returns the bytes of a string without its length and terminator.
func textOf(v bsoncore.Value) []byte {
	if v.Type != bsoncore.TypeString || len(v.Data) < 5 {
		return nil
	}
	n := int(binary.LittleEndian.Uint32(v.Data))
	if n < 1 || 4+n > len(v.Data) {
		return nil
	}
	return v.Data[4 : 4+n-1]
}

// append appends the document as a lookup returns it.
func (f fields) append(dst []byte) []byte {
	start, dst := bsoncore.AppendDocumentStart(dst)
	dst = bsoncore.AppendStringElement(dst, "_id", string(f.id))
	dst = bsoncore.AppendStringElement(dst, "name", string(f.name))
	dst = bsoncore.AppendDateTimeElement(dst, "ingestedAt", f.ingestedAt)
	if len(f.streamID) > 0 {
		dst = bsoncore.AppendStringElement(dst, "streamId", string(f.streamID))
	}
	dst, _ = bsoncore.AppendDocumentEnd(dst, start)
	return dst
}
