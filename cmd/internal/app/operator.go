package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"ingestion/consumer"
	"ingestion/internal/config"
)

// operatorConnections is the size of a pool that one person uses.
const operatorConnections = 2

// countWithin is how long MongoDB may take to count: it goes through an index.
const countWithin = 10 * time.Minute

// OperatorRedis is Redis as the worker would use it, for a tool beside it.
func OperatorRedis(ctx context.Context, cfg *config.Config, log *slog.Logger) (redis.UniversalClient, error) {
	return connectRedis(ctx, cfg, log, operatorConnections)
}

// DocumentFilter chooses documents by their customer and the entry they came by,
// of those whose entry's ID is, as text, in a range.
type DocumentFilter struct {
	From, To string
	Chooses  func(customerID, streamID string) bool
}

// CountDocuments counts the documents of the configured collection, on the
// primary, and those that a filter chooses; nil chooses none. It changes nothing there.
func CountDocuments(ctx context.Context, cfg *config.Config, log *slog.Logger, chosen *DocumentFilter) (all, some int64, err error) {
	readOnly := *cfg
	readOnly.MongoIndexes = false
	client, _, err := connectMongo(ctx, &readOnly, &watcher{log: log, gate: consumer.NewGate()})
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = disconnect(ctx, client) }()
	ctx, cancel := context.WithTimeout(ctx, countWithin)
	defer cancel()
	coll := client.Database(cfg.MongoDB).Collection(cfg.MongoCollection, options.Collection().SetReadPreference(readpref.Primary()))
	if chosen != nil {
		some, err = countChosen(ctx, coll, chosen)
	}
	if err == nil {
		all, err = coll.CountDocuments(ctx, bson.D{})
	}
	if err != nil {
		return 0, 0, fmt.Errorf("counting the documents of %s.%s: %w", cfg.MongoDB, cfg.MongoCollection, err)
	}
	return all, some, nil
}

func countChosen(ctx context.Context, coll *mongo.Collection, chosen *DocumentFilter) (n int64, err error) {
	inRange := bson.D{{Key: "streamId", Value: bson.D{{Key: "$gte", Value: chosen.From}, {Key: "$lte", Value: chosen.To}}}}
	found, err := coll.Find(ctx, inRange, options.Find().SetProjection(bson.D{{Key: "customerId", Value: 1}, {Key: "streamId", Value: 1}}))
	if err != nil {
		return 0, err
	}
	defer func() { _ = found.Close(ctx) }()
	for found.Next(ctx) {
		customerID, _ := found.Current.Lookup("customerId").StringValueOK()
		streamID, _ := found.Current.Lookup("streamId").StringValueOK()
		if chosen.Chooses(customerID, streamID) {
			n++
		}
	}
	return n, found.Err()
}
