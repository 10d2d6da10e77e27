package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/cmd/internal/app"
	"ingestion/cmd/internal/tracing"
	"ingestion/internal/config"
	"ingestion/internal/redisconn"
	"ingestion/internal/retry"
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
		err = await(ctx, p, server{client, opts, o.OnWait}, cfg)
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

// await waits until Redis answers and the keys have the right type.
func await(ctx context.Context, p *producer.Publisher, server server, cfg *config.Config) error {
	limit := cfg.StartupTimeout.Duration()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := server.reach(limited)
	if err == nil {
		err = p.Ready(limited)
	}
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return fmt.Errorf("REDIS_URL: no Redis is ready at %s (gave up after STARTUP_TIMEOUT_SEC, %v): %w", cfg.RedisURL, limit, redisconn.Explain(server.opts, err))
	}
	return setup(cfg, err)
}

// server is the Redis to which the producer connects.
type server struct {
	client redis.UniversalClient
	opts   *redis.UniversalOptions
	onWait func(err error, pause time.Duration)
}

// reach waits until the server answers. It returns a *producer.Fault at once if no
// waiting helps.
func (s server) reach(ctx context.Context) error {
	try := func() error {
		err := redisconn.Reach(ctx, s.client, s.opts)
		switch fault := redisconn.Fault(err); {
		case redis.IsPermissionError(err): // logged in, but not allowed to PING
			return nil
		case fault != "":
			return retry.Permanent(&producer.Fault{Problem: fault, Err: err})
		case redisconn.IsReply(err):
			return fmt.Errorf("the Redis server is not ready: %w", redisconn.Explain(s.opts, err))
		case err != nil:
			return fmt.Errorf("the Redis server does not answer: %w", redisconn.Explain(s.opts, err))
		}
		return nil
	}
	err := retry.Policy{Initial: 100 * time.Millisecond}.Do(ctx, try, s.onWait)
	if err != nil && ctx.Err() != nil {
		return retry.Ended(context.Cause(ctx), err)
	}
	return err
}

// setup marks an error that only another configuration can mend, and names the
// variable.
func setup(cfg *config.Config, err error) error {
	var fault *producer.Fault
	switch {
	case !errors.As(err, &fault):
		return err
	case redisconn.SettingOf(err) != nil:
		err = redisconn.SettingOf(err)
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
	var departed *producer.DepartedReplica
	if errors.As(reason, &few) || errors.As(reason, &departed) {
		return "PRODUCER_WAIT_REPLICAS: " + reason.Error()
	}
	return "REDIS_URL: " + reason.Error()
}
