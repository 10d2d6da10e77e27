package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
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

// CountDocuments counts the documents of the configured collection, on the
// primary. It changes nothing there.
func CountDocuments(ctx context.Context, cfg *config.Config, log *slog.Logger) (n int64, err error) {
	readOnly := *cfg
	readOnly.MongoIndexes = false
	client, _, err := connectMongo(ctx, &readOnly, &watcher{log: log, gate: consumer.NewGate()})
	if err != nil {
		return 0, err
	}
	defer func() { _ = disconnect(ctx, client) }()
	ctx, cancel := context.WithTimeout(ctx, countWithin)
	defer cancel()
	coll := client.Database(cfg.MongoDB).Collection(cfg.MongoCollection, options.Collection().SetReadPreference(readpref.Primary()))
	if n, err = coll.CountDocuments(ctx, bson.D{}); err != nil {
		return 0, fmt.Errorf("counting the documents of %s.%s: %w", cfg.MongoDB, cfg.MongoCollection, err)
	}
	return n, nil
}
