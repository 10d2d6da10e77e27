// Package stack starts what the service needs inside one process. It is apart
// from package app so that worker and producer do not carry a database.
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
	RedisAddr, MongoAddr string // host:port; port 0 takes a free one
	DataDir              string // MongoDB's files; empty: a temporary folder
}

// Start starts both.
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

// Variables are the settings that lead to the servers.
func (s *Stack) Variables() map[string]string {
	return map[string]string{"REDIS_URL": s.Redis.URL(), "MONGO_URI": s.Mongo.URI(), "REDIS_PASSWORD_FILE": "", "MONGO_PASSWORD_FILE": ""}
}

// Close stops both.
func (s *Stack) Close() error { return errors.Join(s.Redis.Close(), s.Mongo.Close()) }
