package store

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// Stored is a document of the collection. Fields that it lacks, or has with another
// type, are empty.
type Stored struct {
	ID         string
	CustomerID string
	Name       string
	Email      string
	CreatedAt  time.Time // in UTC
	IngestedAt time.Time // in UTC
	StreamID   string
}

// Field is a field by which Find searches.
type Field string

// The fields.
const (
	ByID       Field = "_id"
	ByCustomer Field = "customerId"
	ByEmail    Field = "email" // normalized, see record.NormalizeEmail
	ByStreamID Field = "streamId"
)

// Find returns up to limit documents with this value in the field, in the order in
// which MongoDB finds them, read on the primary. It neither waits nor retries: the
// error is an *Error, which tells if the time was up before MongoDB answered.
// Without an index on the field, MongoDB reads the whole collection; see Indexed.
func (s *Store) Find(ctx context.Context, field Field, value string, limit int64) ([]Stored, error) {
	start := time.Now()
	coll := s.coll.Clone(options.Collection().SetReadPreference(readpref.Primary()))
	cursor, err := coll.Find(ctx, bson.D{{Key: string(field), Value: value}}, options.Find().SetLimit(limit))
	if err != nil {
		return nil, newError(classifyLookup(err), err, time.Since(start))
	}
	defer func() { _ = cursor.Close(ctx) }()
	var found []Stored
	for cursor.Next(ctx) {
		found = append(found, storedOf(cursor.Current))
	}
	if err := cursor.Err(); err != nil {
		return nil, newError(classifyLookup(err), err, time.Since(start))
	}
	return found, nil
}

// storedOf reads a document of any origin.
func storedOf(doc bson.Raw) Stored {
	text := func(field Field) string {
		value, _ := doc.Lookup(string(field)).StringValueOK()
		return value
	}
	date := func(field string) time.Time {
		at, ok := doc.Lookup(field).TimeOK()
		if !ok {
			return time.Time{}
		}
		return at.UTC()
	}
	id, ok := doc.Lookup("_id").StringValueOK()
	if !ok {
		id = fmt.Sprint(doc.Lookup("_id"))
	}
	return Stored{
		ID: id, CustomerID: text(ByCustomer), Name: text("name"), Email: text(ByEmail),
		CreatedAt: date("createdAt"), IngestedAt: date("ingestedAt"), StreamID: text(ByStreamID),
	}
}

// Indexed reports whether an index of the collection begins with the field, so that
// Find need not read the whole collection. The error is an *Error.
func (s *Store) Indexed(ctx context.Context, field Field) (bool, error) {
	start := time.Now()
	cursor, err := s.coll.Indexes().List(ctx)
	if err != nil {
		return false, newError(classifyLookup(err), err, time.Since(start))
	}
	defer func() { _ = cursor.Close(ctx) }()
	for cursor.Next(ctx) {
		if serves(cursor.Current, field) {
			return true, nil
		}
	}
	if err := cursor.Err(); err != nil {
		return false, newError(classifyLookup(err), err, time.Since(start))
	}
	return false, nil
}

// serves reports whether MongoDB can use the index for any value of the field.
func serves(index bson.Raw, field Field) bool {
	if _, err := index.LookupErr("partialFilterExpression"); err == nil {
		return false
	}
	keys, _ := index.Lookup("key").DocumentOK()
	first, err := keys.IndexErr(0)
	return err == nil && first.Key() == string(field)
}
