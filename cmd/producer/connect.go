package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/internal/redisconn"
	"ingestion/producer"
)

// connect returns a publisher once Redis answers and the key is of the right
// type, and what to call in the end.
func connect(ctx context.Context, cfg *config.Config, log *slog.Logger, batch int) (*producer.Publisher, func(), error) {
	opts, err := cfg.RedisOptions()
	if err != nil {
		return nil, nil, err
	}
	if unsafe := redisconn.Unsafe(opts); unsafe != "" {
		log.Warn("warning", "reason", unsafe)
	}
	client := redisconn.New(opts, 4)
	p := producer.NewPublisher(client, target(cfg), producer.Options{
		Batch: batch, Replicas: cfg.ProducerWaitReplicas, OnWait: waits(log),
	})
	if err := await(ctx, p, opts, cfg); err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return p, func() { _ = client.Close() }, nil // all that was sent is confirmed
}

func target(cfg *config.Config) producer.Target {
	if cfg.QueueMode == config.ModeList {
		return producer.ToList(cfg.QueueKey)
	}
	return producer.ToStream(cfg.StreamKey, cfg.StreamPartitions)
}

func await(ctx context.Context, p *producer.Publisher, opts *redis.UniversalOptions, cfg *config.Config) error {
	limit := cfg.StartupTimeout.Duration()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := p.Ready(limited)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return fmt.Errorf("REDIS_URL: no Redis is ready at %s (gave up after STARTUP_TIMEOUT_SEC, %v): %w", cfg.RedisURL, limit, redisconn.Explain(opts, err))
	}
	return setup(err)
}

// setup marks what only other settings mend.
func setup(err error) error {
	var fault *producer.Fault
	if errors.As(err, &fault) {
		return &app.SetupError{Err: err}
	}
	return err
}
