package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"ingestion/cmd/internal/app"
	"ingestion/cmd/internal/tracing"
	"ingestion/internal/config"
	"ingestion/internal/redisconn"
	"ingestion/producer"
)

// connect returns a publisher once Redis answers and the key has the right type. The
// function closes the client and exports the last spans.
func connect(ctx context.Context, cfg *config.Config, log *slog.Logger, batch int) (*producer.Publisher, func(), error) {
	tracer, stop := tracing.StartProducer(ctx, max(batch, producer.DefaultBatch), cfg, log)
	p, closeClient, err := publisher(ctx, cfg, log, producer.Options{
		Batch: batch, Replicas: cfg.ProducerWaitReplicas, OnWait: logWaits(log), Tracer: tracer,
	})
	if err != nil {
		stop()
		return nil, nil, err
	}
	return p, func() { closeClient(); stop() }, nil
}

func publisher(ctx context.Context, cfg *config.Config, log *slog.Logger, o producer.Options) (*producer.Publisher, func(), error) {
	opts, err := cfg.RedisOptions()
	if err != nil {
		return nil, nil, err
	}
	if unsafe := redisconn.Unsafe(opts); unsafe != "" {
		log.Warn("warning", "reason", "REDIS_URL: "+unsafe)
	}
	client := redisconn.New(opts, 4)
	p, err := producer.NewPublisher(client, target(cfg), o)
	if err == nil {
		err = await(ctx, p, opts, cfg)
	}
	if err != nil {
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
	return setup(cfg, err)
}

// setup marks an error that only another configuration can mend, and names the
// variable.
func setup(cfg *config.Config, err error) error {
	var fault *producer.Fault
	switch {
	case !errors.As(err, &fault):
		return err
	case !fault.AboutKey:
		err = fmt.Errorf("REDIS_URL: %w", err)
	case cfg.QueueMode == config.ModeList:
		err = fmt.Errorf("QUEUE_KEY: %w; use another key, delete this one, or set QUEUE_MODE=stream", err)
	default:
		err = fmt.Errorf("STREAM_KEY: %w; use another key, delete this one, or set QUEUE_MODE=list", err)
	}
	return &app.SetupError{Err: err}
}

// waitReason returns why the publisher waits, with the variable that is concerned.
func waitReason(reason error) string {
	var few *producer.TooFewReplicas
	if errors.As(reason, &few) {
		return "PRODUCER_WAIT_REPLICAS: " + reason.Error()
	}
	return "REDIS_URL: " + reason.Error()
}
