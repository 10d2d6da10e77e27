package app

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/config"
	"ingestion/internal/redisconn"
	"ingestion/store"
)

const (
	// observerConnections is the size of the connection pool of a tool that reads all
	// parts of the state at once.
	observerConnections = 8
	// observerWait is how long such a tool waits for a primary of MongoDB.
	observerWait = time.Second
)

// ObserverRedis returns a client of Redis that connects on first use: for a tool that
// shows what is wrong with the server instead of waiting for it.
func ObserverRedis(cfg *config.Config) (redis.UniversalClient, error) {
	opts, err := cfg.RedisOptions()
	if err != nil {
		return nil, err
	}
	return redisconn.New(opts, observerConnections), nil
}

// ObserverStore is the like for the configured collection. Call release after use.
func ObserverStore(ctx context.Context, cfg *config.Config) (s *store.Store, release func(), err error) {
	opts, err := mongoOptions(cfg)
	if err != nil {
		return nil, nil, err
	}
	client, s, err := newStore(ctx, cfg, opts.SetServerSelectionTimeout(observerWait), nil)
	if err != nil {
		return nil, nil, err
	}
	return s, func() { _ = disconnect(ctx, client) }, nil
}
