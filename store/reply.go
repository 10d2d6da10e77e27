package store

import (
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

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
