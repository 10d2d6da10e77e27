package diff

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// pageDocuments is how many documents MongoDB returns at once: of customers, well below
// 4 MiB.
const pageDocuments = 1000

// Collection returns the documents of a collection, read on the primary. A collection that
// does not exist has none.
func Collection(ctx context.Context, coll *mongo.Collection) Documents {
	coll = coll.Clone(options.Collection().SetReadPreference(readpref.Primary()))
	find := options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetBatchSize(pageDocuments)
	return func(yield func(bson.Raw, error) bool) {
		failed := func(err error) { yield(nil, fmt.Errorf("reading %s.%s: %w", coll.Database().Name(), coll.Name(), err)) }
		cursor, err := coll.Find(ctx, bson.D{}, find)
		if err != nil {
			failed(err)
			return
		}
		defer func() { _ = cursor.Close(context.WithoutCancel(ctx)) }()
		for cursor.Next(ctx) {
			if !yield(cursor.Current, nil) {
				return
			}
		}
		if err := cursor.Err(); err != nil {
			failed(err)
		}
	}
}
