package main

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/bench/internal/local"
	"ingestion/bench/internal/sink"
)

// documents is the MongoDB of one run.
type documents struct {
	uri   string
	stop  func() error
	count func(context.Context) (int64, error) // number of documents
}

// store starts one. A sink remembers the worker's _ids, because some are
// repeated; the bare loop's are all different.
func (s *sitting) store(what scenario, records int) (documents, error) {
	if what.ferret {
		m, err := local.StartMongo(s.standalone)
		if err != nil {
			return documents{}, err
		}
		count := func(ctx context.Context) (int64, error) { return countIn(ctx, m.URI, what.collection()) }
		return documents{uri: m.URI, stop: m.Close, count: count}, nil
	}
	var opts sink.Options
	if !what.ceiling {
		opts.Remember = records
	}
	counting, err := sink.Start(opts)
	if err != nil {
		return documents{}, err
	}
	count := func(context.Context) (int64, error) { return counting.Documents(), nil }
	return documents{uri: counting.URI(), stop: counting.Close, count: count}, nil
}

// countIn counts the documents of a collection.
func countIn(ctx context.Context, uri, collection string) (n int64, err error) {
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return 0, fmt.Errorf("counting documents: %w", err)
	}
	defer func() { err = errors.Join(err, client.Disconnect(context.WithoutCancel(ctx))) }()
	if n, err = client.Database(database).Collection(collection).CountDocuments(ctx, bson.D{}); err != nil {
		return 0, fmt.Errorf("counting documents: %w", err)
	}
	return n, nil
}
