package store

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// EnsureIndexes creates the collection's secondary index, by customer and time
// of creation, where it is not there yet; it may be called at every start. An
// index on the same fields that bears another name will do. It waits out an
// unreachable server like Await and fails like it.
func (s *Store) EnsureIndexes(ctx context.Context) error {
	return s.persist(ctx, "create the indexes (MONGO_INDEXES=off does without)", Permanent, func(ctx context.Context) error {
		t := s.pace.current()
		_, err := s.command(ctx, t.timeout, appendCreateIndexes(nil, s.coll.Name()))
		if err == nil {
			return nil
		}
		v := classifyLookup(err)
		if v.code == 85 { // IndexOptionsConflict: the same fields under another name
			return nil
		}
		if v.code == 86 || v.code == 67 { // IndexKeySpecsConflict, CannotCreateIndex
			v.class = Configuration
		}
		return newError(v, err, t.timeout)
	})
}

func appendCreateIndexes(dst []byte, collection string) []byte {
	start, dst := bsoncore.AppendDocumentStart(dst)
	dst = bsoncore.AppendStringElement(dst, "createIndexes", collection)
	array, dst := bsoncore.AppendArrayElementStart(dst, "indexes")
	index, dst := bsoncore.AppendDocumentElementStart(dst, "0")
	key, dst := bsoncore.AppendDocumentElementStart(dst, "key")
	dst = bsoncore.AppendInt32Element(dst, "customerId", 1)
	dst = bsoncore.AppendInt32Element(dst, "createdAt", 1)
	dst = endDocument(dst, key)
	dst = bsoncore.AppendStringElement(dst, "name", "customerId_1_createdAt_1")
	dst = endDocument(dst, index)
	dst = endDocument(dst, array)
	return endDocument(dst, start)
}
