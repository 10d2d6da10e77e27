package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"

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

// CheckRedis asks Redis once. Its error says what is wrong in the words of the worker.
func CheckRedis(ctx context.Context, cfg *config.Config, client redis.UniversalClient) error {
	opts, err := cfg.RedisOptions()
	if err != nil {
		return err
	}
	check := redisCheck{client: client, opts: opts, cfg: cfg}
	err = permanent(check.ping(ctx))
	var setup *SetupError
	if errors.As(err, &setup) {
		return setup.Err
	}
	return err
}

// ObserverStore is the like for the configured collection. Call release after use.
func ObserverStore(ctx context.Context, cfg *config.Config) (s *store.Store, release func(), err error) {
	s, _, release, err = ObserverDatabase(ctx, cfg, slog.New(slog.DiscardHandler)) // it shows what is wrong
	return s, release, err
}

// ObserverDatabase is the like for the configured collection and its database. Call release
// after use.
func ObserverDatabase(ctx context.Context, cfg *config.Config, log *slog.Logger) (s *store.Store, db *mongo.Database, release func(), err error) {
	opts, err := mongoOptions(cfg, log)
	if err != nil {
		return nil, nil, nil, err
	}
	client, s, err := newStore(ctx, cfg, opts.SetServerSelectionTimeout(observerWait), nil)
	if err != nil {
		return nil, nil, nil, err
	}
	return s, client.Database(cfg.MongoDB), func() { _ = disconnect(ctx, client) }, nil
}

// LaterDatabase is like ObserverDatabase. If DNS does not tell the servers of MONGO_URI, it looks for them again on use.
// It implements the interfaces of the console. Call Close after use.
type LaterDatabase struct{ later *Later[*observed] }

type observed struct {
	store   *store.Store
	db      *mongo.Database
	release func()
}

// NewLaterDatabase prepares the client of MongoDB, which connects on first use.
func NewLaterDatabase(ctx context.Context, cfg *config.Config, log *slog.Logger) (*LaterDatabase, error) {
	ctx = context.WithoutCancel(ctx)
	d := &LaterDatabase{NewLater(func() (*observed, error) {
		var o observed
		var err error
		o.store, o.db, o.release, err = ObserverDatabase(ctx, cfg, log)
		return &o, err
	})}
	if _, err := d.later.Get(ctx); err != nil && !errors.Is(err, store.ErrUnresolved) {
		return nil, err
	}
	return d, nil
}

// Database returns the database of the collection.
func (d *LaterDatabase) Database(ctx context.Context) (*mongo.Database, error) {
	o, err := d.later.Get(ctx)
	if err != nil {
		return nil, err
	}
	return o.db, nil
}

// Check is that of the store.
func (d *LaterDatabase) Check(ctx context.Context) error {
	o, err := d.later.Get(ctx)
	if err != nil {
		return err
	}
	return o.store.Check(ctx)
}

// Find is that of the store.
func (d *LaterDatabase) Find(ctx context.Context, field store.Field, value string, limit int64) ([]store.Stored, error) {
	o, err := d.later.Get(ctx)
	if err != nil {
		return nil, err
	}
	return o.store.Find(ctx, field, value, limit)
}

// Indexed is that of the store.
func (d *LaterDatabase) Indexed(ctx context.Context, field store.Field) (bool, error) {
	o, err := d.later.Get(ctx)
	if err != nil {
		return false, err
	}
	return o.store.Indexed(ctx, field)
}

// Close disconnects the client.
func (d *LaterDatabase) Close() {
	if o, opened := d.later.Opened(); opened {
		o.release()
	}
}
