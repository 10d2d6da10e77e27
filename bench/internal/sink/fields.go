package sink

import (
	"encoding/binary"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// fields are those of a document that a look-up fetches. They are parts of the
// document; what it does not have is nil or 0.
type fields struct {
	id, streamID, name []byte
	ingestedAt         int64 // Unix ms
}

func fieldsOf(document bsoncore.Document) fields {
	var f fields
	_, rest, ok := bsoncore.ReadLength(document)
	for ok && len(rest) > 1 {
		var e bsoncore.Element
		if e, rest, ok = bsoncore.ReadElement(rest); !ok {
			break
		}
		switch value := e.Value(); string(e.KeyBytes()) {
		case "_id":
			f.id = textOf(value)
		case "streamId":
			f.streamID = textOf(value)
		case "name":
			f.name = textOf(value)
		case "ingestedAt":
			f.ingestedAt, _ = value.DateTimeOK()
		}
	}
	return f
}

// textOf are the bytes of a string, without its length and its end.
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

// append appends the document as a look-up finds it.
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
