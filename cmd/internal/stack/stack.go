// Package stack starts the embedded servers in this process. It is separate from
// package app so that worker and producer do not link a database.
package stack

import (
	"context"
	"errors"

	"ingestion/internal/embedded"
)

// Stack is the embedded Redis and MongoDB of one process.
type Stack struct {
	Redis *embedded.Redis
	Mongo *embedded.Mongo
}

// Options says where the embedded servers listen and keep their data.
type Options struct {
	RedisAddr, MongoAddr string // host:port; port 0 means any free port
	DataDir              string // of MongoDB; empty means a temporary directory
}

// Start starts both servers. They run until Close; ctx bounds only the start.
func Start(ctx context.Context, opts Options) (*Stack, error) {
	redis, err := embedded.StartRedis(ctx, opts.RedisAddr)
	if err != nil {
		return nil, err
	}
	mongo, err := embedded.StartMongo(ctx, embedded.Options{Addr: opts.MongoAddr, Dir: opts.DataDir})
	if err != nil {
		return nil, errors.Join(err, redis.Close())
	}
	return &Stack{Redis: redis, Mongo: mongo}, nil
}

// Variables returns the settings that point to the servers.
func (s *Stack) Variables() map[string]string {
	return map[string]string{"REDIS_URL": s.Redis.URL(), "MONGO_URI": s.Mongo.URI(), "REDIS_PASSWORD_FILE": "", "MONGO_PASSWORD_FILE": ""}
}

// Close stops both servers.
func (s *Stack) Close() error { return errors.Join(s.Redis.Close(), s.Mongo.Close()) }
