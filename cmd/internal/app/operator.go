package app

import (
	"context"
	"errors"
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
	"ingestion/store"
)

// operatorConnections is the size of the connection pool of a tool that one person uses.
const operatorConnections = 2

// countTimeout bounds how long MongoDB may count; it scans an index.
const countTimeout = 10 * time.Minute

// OperatorRedis connects to Redis like the worker, for a tool that runs beside it.
func OperatorRedis(ctx context.Context, cfg *config.Config, log *slog.Logger) (redis.UniversalClient, error) {
	return withLayout(ctx, cfg, log)(AnyLayoutRedis(ctx, cfg, log))
}

// AnyLayoutRedis is OperatorRedis for the tool that changes the number of partitions.
func AnyLayoutRedis(ctx context.Context, cfg *config.Config, log *slog.Logger) (redis.UniversalClient, error) {
	return connectRedis(ctx, cfg, log, operatorConnections, false)
}

// PartialRedis is OperatorRedis for a tool that tells what it can while some masters of a
// Redis Cluster do not answer.
func PartialRedis(ctx context.Context, cfg *config.Config, log *slog.Logger) (redis.UniversalClient, error) {
	client, err := connectRedis(ctx, cfg, log, operatorConnections, true)
	if err != nil {
		return nil, err
	}
	if err := ObserveLayout(ctx, cfg); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return client, nil
}

// OperatorStore connects to the configured collection, for a tool that only reads. Call
// release after use.
func OperatorStore(ctx context.Context, cfg *config.Config, log *slog.Logger) (s *store.Store, release func(), err error) {
	client, s, err := connectToRead(ctx, cfg, log)
	if err != nil {
		return nil, nil, err
	}
	return s, func() { _ = disconnect(ctx, client) }, nil
}

// connectToRead connects to MongoDB like the worker, but creates no index.
func connectToRead(ctx context.Context, cfg *config.Config, log *slog.Logger) (*mongo.Client, *store.Store, error) {
	readOnly := *cfg
	readOnly.MongoIndexes = false
	return connectMongo(ctx, &readOnly, log, &storeObserver{log: log, gate: consumer.NewGate()})
}

// DocumentFilter matches documents whose streamId is between From and To, both included and
// compared as text, and for which Match returns true.
type DocumentFilter struct {
	From, To string
	Match    func(customerID, streamID string) bool
}

// CountDocuments counts the documents of the configured collection on the primary: all of
// them, and those that match the filter; nil matches none. It writes nothing.
func CountDocuments(ctx context.Context, cfg *config.Config, log *slog.Logger, filter *DocumentFilter) (all, matching int64, err error) {
	client, _, err := connectToRead(ctx, cfg, log)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = disconnect(ctx, client) }()
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	coll := client.Database(cfg.MongoDB).Collection(cfg.MongoCollection, options.Collection().SetReadPreference(readpref.Primary()))
	if filter != nil {
		matching, err = countMatching(ctx, coll, filter)
	}
	if err == nil {
		all, err = coll.CountDocuments(ctx, bson.D{})
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer within %v", countTimeout)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("counting the documents of %s.%s: %w", cfg.MongoDB, cfg.MongoCollection, err)
	}
	return all, matching, nil
}

func countMatching(ctx context.Context, coll *mongo.Collection, filter *DocumentFilter) (n int64, err error) {
	inRange := bson.D{{Key: "streamId", Value: bson.D{{Key: "$gte", Value: filter.From}, {Key: "$lte", Value: filter.To}}}}
	found, err := coll.Find(ctx, inRange, options.Find().SetProjection(bson.D{{Key: "customerId", Value: 1}, {Key: "streamId", Value: 1}}))
	if err != nil {
		return 0, err
	}
	defer func() { _ = found.Close(ctx) }()
	for found.Next(ctx) {
		customerID, _ := found.Current.Lookup("customerId").StringValueOK()
		streamID, _ := found.Current.Lookup("streamId").StringValueOK()
		if filter.Match(customerID, streamID) {
			n++
		}
	}
	return n, found.Err()
}
