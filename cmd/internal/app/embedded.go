package app

import (
	"context"
	"errors"

	"ingestion/internal/embedded"
)

// Servers are the embedded Redis and MongoDB of one process.
type Servers struct {
	Redis *embedded.Redis
	Mongo *embedded.Mongo
}

// ServerOptions says where the embedded servers listen and keep their data.
type ServerOptions struct {
	RedisAddr, MongoAddr string // host:port; port 0 takes a free one
	DataDir              string // MongoDB's files; empty: a temporary folder
}

// StartServers starts both.
func StartServers(ctx context.Context, opts ServerOptions) (*Servers, error) {
	redis, err := embedded.StartRedis(ctx, opts.RedisAddr)
	if err != nil {
		return nil, err
	}
	mongo, err := embedded.StartMongo(ctx, embedded.Options{Addr: opts.MongoAddr, Dir: opts.DataDir})
	if err != nil {
		return nil, errors.Join(err, redis.Close())
	}
	return &Servers{Redis: redis, Mongo: mongo}, nil
}

// Variables are the settings that lead to the servers.
func (s *Servers) Variables() map[string]string {
	return map[string]string{"REDIS_URL": s.Redis.URL(), "MONGO_URI": s.Mongo.URI(), "REDIS_PASSWORD_FILE": "", "MONGO_PASSWORD_FILE": ""}
}

// Close stops both.
func (s *Servers) Close() error { return errors.Join(s.Redis.Close(), s.Mongo.Close()) }
