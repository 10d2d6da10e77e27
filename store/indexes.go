package store

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// buildTime is how long one attempt to build the index may take, unless ctx ends
// it before.
const buildTime = time.Hour

// EnsureIndexes creates the collection's secondary index, by customer and time
// of creation, where it is not there yet; it may be called at every start. It
// serves who reads the collection by customer; the service itself never does, and
// each insert pays for it. An
// index on the same fields that bears another name will do. It waits out an
// unreachable server like Await and fails like it.
//
// On a large collection that has no such index yet, building it may take longer
// than ctx allows: MongoDB then gives it up, and the index has to be created
// beforehand.
func (s *Store) EnsureIndexes(ctx context.Context) error {
	return s.persist(ctx, "create the index on customerId and createdAt (create it by hand, or set MONGO_INDEXES=off)", Permanent, s.createIndex)
}

func (s *Store) createIndex(ctx context.Context) error {
	start := time.Now()
	_, err := s.command(ctx, buildTime, appendCreateIndexes(nil, s.coll.Name()))
	if err == nil {
		s.recovered()
		return nil
	}
	v := classifyLookup(err)
	switch v.code {
	case 85: // IndexOptionsConflict: the same fields under another name
		return nil
	case 86, 67: // IndexKeySpecsConflict, CannotCreateIndex
		v.class = Configuration
	}
	return newError(v, err, time.Since(start))
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
