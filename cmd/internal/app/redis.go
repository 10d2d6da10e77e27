package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/redis/go-redis/v9"

	"ingestion/internal/config"
	"ingestion/internal/redisconn"
	"ingestion/streams"
)

// connectRedis returns a client once the server answers and its set-up was
// found to be usable.
func connectRedis(ctx context.Context, cfg *config.Config, log *slog.Logger, connections int) (redis.UniversalClient, error) {
	opts, err := cfg.RedisOptions()
	if err != nil {
		return nil, &config.Error{Faults: []string{"REDIS_URL: " + err.Error()}}
	}
	client := redisconn.New(opts, connections)
	err = awaitRedis(ctx, client, cfg, log)
	if err == nil {
		err = await(ctx, cfg.StartupTimeout.Duration(), log, "Redis", func(ctx context.Context) error {
			return permanent(checkRedis(ctx, client, cfg, log))
		})
	}
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return client, nil
}

func awaitRedis(ctx context.Context, client redis.UniversalClient, cfg *config.Config, log *slog.Logger) error {
	return await(ctx, cfg.StartupTimeout.Duration(), log, "Redis", func(ctx context.Context) error {
		err := client.Ping(ctx).Err()
		switch {
		case err == nil:
			return nil
		case redis.IsAuthError(err):
			return backoff.Permanent(&SetupError{fmt.Errorf("REDIS_URL: Redis at %s refuses the user or password (REDIS_URL, REDIS_PASSWORD_FILE): %w", cfg.RedisURL, err)})
		case strings.Contains(err.Error(), "DB index is out of range"):
			return backoff.Permanent(&SetupError{fmt.Errorf("REDIS_URL: Redis at %s has no such database: %w", cfg.RedisURL, err)})
		case redis.IsPermissionError(err):
			return nil // may not PING, but is known to the server
		default:
			return fmt.Errorf("REDIS_URL: no Redis answers at %s: %w", cfg.RedisURL, err)
		}
	})
}

func checkRedis(ctx context.Context, client redis.UniversalClient, cfg *config.Config, log *slog.Logger) error {
	warnings, err := streams.CheckServer(ctx, client)
	if err != nil {
		return &SetupError{err}
	}
	for _, w := range warnings {
		log.Warn("warning", "reason", w)
	}
	if cfg.QueueMode == config.ModeList {
		return streams.CheckTypes(ctx, client, "QUEUE_KEY", "list", streams.KeysOf(cfg.QueueKey))
	}
	var faults []error
	for _, key := range streams.PartitionKeys(cfg.StreamKey, cfg.StreamPartitions) {
		faults = append(faults, streams.CheckTypes(ctx, client, "STREAM_KEY", "stream", streams.KeysOf(key)))
	}
	return errors.Join(faults...)
}

// permanent marks what waiting does not mend: a set-up that only the operator
// can change.
func permanent(err error) error {
	if err != nil && ExitCode(err) == exitUsage {
		return backoff.Permanent(err)
	}
	return err
}

// await repeats try until it succeeds, fails for good or the time is over, and
// says what it waits for.
func await(ctx context.Context, limit time.Duration, log *slog.Logger, server string, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	pause := backoff.NewExponentialBackOff(backoff.WithInitialInterval(100*time.Millisecond),
		backoff.WithMaxInterval(2*time.Second), backoff.WithMaxElapsedTime(0))
	var last error
	said := false
	err := backoff.RetryNotify(func() error {
		err := try(ctx)
		if err != nil && (last == nil || ctx.Err() == nil) {
			last = err
		}
		return err
	}, backoff.WithContext(pause, ctx), func(err error, _ time.Duration) {
		if !said {
			said = true
			log.Warn("retrying", "status", "error", "server", server, "reason", fmt.Sprintf("%v; waiting up to %v for it", err, limit))
		}
	})
	if err == nil {
		return nil
	}
	if ExitCode(err) == exitUsage {
		return err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w (gave up after STARTUP_TIMEOUT_SEC, %v)", last, limit)
	}
	return last
}
