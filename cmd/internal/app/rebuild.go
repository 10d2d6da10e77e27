package app

import (
	"context"
	"errors"
	"log/slog"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/consumer"
	"ingestion/internal/config"
	"ingestion/store"
)

// rebuildConnections is the size of the pool of a rebuild: it reads, judges and asks for the
// time.
const rebuildConnections = 4

// RebuildServers are the connections of a rebuild.
type RebuildServers struct {
	Redis    redis.UniversalClient
	Database *mongo.Database
	Store    *store.Store   // of the new collection
	Gate     *consumer.Gate // shut while MongoDB fails
	client   *mongo.Client
}

// OpenRebuild connects to both servers like the worker. The store inserts into the
// collection into. It creates nothing.
func OpenRebuild(ctx context.Context, cfg *config.Config, into string, log *slog.Logger) (*RebuildServers, error) {
	target := *cfg
	target.MongoCollection, target.MongoIndexes = into, false
	r := &RebuildServers{Gate: consumer.NewGate()}
	var err error
	if r.Redis, err = withLayout(ctx, cfg, log)(connectRedis(ctx, cfg, log, rebuildConnections, false)); err != nil {
		return nil, err
	}
	if r.client, r.Store, err = connectMongo(ctx, &target, log, &storeObserver{log: log, gate: r.Gate}); err != nil {
		return nil, errors.Join(err, r.Redis.Close())
	}
	r.Database = r.client.Database(cfg.MongoDB)
	return r, nil
}

// Close disconnects from both servers.
func (r *RebuildServers) Close() {
	_ = r.Redis.Close()
	_ = disconnect(context.Background(), r.client)
}

// OperatorDatabase connects to the configured database, for a tool that only reads. Call
// release after use.
func OperatorDatabase(ctx context.Context, cfg *config.Config, log *slog.Logger) (db *mongo.Database, release func(), err error) {
	client, _, err := connectToRead(ctx, cfg, log)
	if err != nil {
		return nil, nil, err
	}
	return client.Database(cfg.MongoDB), func() { _ = disconnect(ctx, client) }, nil
}
