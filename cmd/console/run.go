package main

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"gocloud.dev/blob"

	"ingestion/cmd/internal/app"
	"ingestion/cmd/internal/buckets"
	"ingestion/cmd/internal/web"
	"ingestion/internal/config"
)

// run serves the console until ctx ends.
func run(ctx context.Context, out io.Writer) (err error) {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	log, buffer := app.NewLog(cfg, out)
	defer func() { err = errors.Join(err, buffer.Close()) }()
	sources, err := open(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer sources.Close()
	return serve(ctx, cfg, sources, log)
}

// open prepares the clients, which connect on first use. The pages say what is wrong with
// the servers and the bucket.
func open(ctx context.Context, cfg *config.Config, log *slog.Logger) (*web.Sources, error) {
	if cfg.ArchiveURL == "" {
		return web.Open(ctx, cfg, log, nil)
	}
	ctx = context.WithoutCancel(ctx)
	return web.Open(ctx, cfg, log, func() (*blob.Bucket, error) { return buckets.OpenExisting(ctx, cfg.ArchiveURL) })
}

func serve(ctx context.Context, cfg *config.Config, sources *web.Sources, log *slog.Logger) error {
	handler, err := web.Handler(cfg, sources, log)
	if err != nil {
		return err
	}
	listener, err := web.Listen(cfg)
	if err != nil {
		return err
	}
	log.Info("console_started", "status", "success", "version", app.Release(), "key", cfg.Key(), "redis", cfg.RedisURL.String(),
		"mongo", cfg.MongoURI.String(), "address", web.URL(listener), "changes", bool(cfg.ConsoleChanges))
	wait := startChecks(ctx, cfg, sources, log)
	defer wait()
	if err := web.Serve(ctx, listener, handler, log); err != nil {
		log.Error("console_stopped", "status", "error", "reason", err.Error())
		return err
	}
	log.Info("console_stopped", "status", "success")
	return nil
}
