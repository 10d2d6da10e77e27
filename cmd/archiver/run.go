package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/redis/go-redis/v9"
	"gocloud.dev/blob"

	"ingestion/cmd/internal/app"
	"ingestion/cmd/internal/archiving"
	"ingestion/cmd/internal/buckets"
	"ingestion/internal/admin"
	"ingestion/internal/config"
	"ingestion/internal/metrics"
	"ingestion/internal/redisconn"
)

// run archives until ctx ends.
func run(ctx context.Context, out io.Writer) (err error) {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	if err := archiving.Check(cfg); err != nil {
		return err
	}
	bucket, err := buckets.Open(ctx, cfg.ArchiveURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bucket.Close()) }()
	log, buffer := app.NewLog(cfg, out)
	defer func() { err = errors.Join(err, buffer.Close()) }()
	client, err := app.ArchiverRedis(ctx, cfg, log, archiving.Connections(cfg))
	if ctx.Err() != nil && err != nil {
		log.Info("archiver_stopped", "status", "success", "reason", "stopped before Redis answered")
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	return serve(ctx, cfg, log, client, bucket)
}

func serve(ctx context.Context, cfg *config.Config, log *slog.Logger, client redis.UniversalClient, bucket *blob.Bucket) error {
	counts := metrics.NewArchive(app.Build())
	a, err := archiving.New(archiving.Options{Config: cfg, Redis: client, Bucket: bucket, Log: log, Metrics: counts})
	if err != nil {
		return err
	}
	listener, err := app.ListenAdmin(cfg, log, "archiver")
	if err != nil {
		return err
	}
	started := log.With("status", "success", "version", app.Release(), "key", cfg.StreamKey, "partitions", cfg.StreamPartitions,
		"redis", cfg.RedisURL.String(), "bucket", cfg.ArchiveURL, "archiver", cfg.StreamConsumer)
	if listener != nil {
		server := admin.Serve(listener, admin.Options{
			Metrics: counts.Handler(log), Live: a.Hangs, Pprof: bool(cfg.AdminPprof), Ready: admin.NewReadiness(dependencies(a, client)...).Report,
		}, log)
		defer server.Close()
		started = started.With("admin", server.Addr())
	}
	started.Info("archiver_started")
	if err := a.Run(ctx); err != nil {
		log.Error("archiver_stopped", "status", "error", "reason", err.Error())
		return fmt.Errorf("archiving: %w", err)
	}
	log.Info("archiver_stopped", "status", "success")
	return nil
}

const waits = "repeats it with backoff; nothing is trimmed meanwhile that is not archived"

func dependencies(a *archiving.Archiving, client redis.UniversalClient) []admin.Dependency {
	failing := func(server string) *admin.Fault {
		since, err := a.Fault(server)
		if err == nil {
			return nil
		}
		return &admin.Fault{Reason: redisconn.Plain(err).Error(), Action: waits, Since: since}
	}
	return []admin.Dependency{
		{Name: "redis", Check: func(ctx context.Context) *admin.Fault {
			if err := client.Ping(ctx).Err(); err != nil && !redis.IsPermissionError(err) {
				return &admin.Fault{Reason: redisconn.Plain(err).Error(), Action: waits}
			}
			return failing("Redis")
		}},
		{Name: "bucket", Check: func(context.Context) *admin.Fault { return failing("bucket") }},
	}
}
