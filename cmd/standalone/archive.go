package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"ingestion/cmd/internal/app"
	"ingestion/cmd/internal/archiving"
	"ingestion/internal/config"
)

// openArchive returns what archives the stream in a directory, or nil if dir is empty. Call
// release at the end.
func openArchive(ctx context.Context, cfg *config.Config, log *slog.Logger, dir string) (a *archiving.Archiving, release func(), err error) {
	if dir == "" {
		return nil, func() {}, nil
	}
	if err := archiving.Check(cfg); err != nil {
		return nil, nil, app.UsageError(fmt.Errorf("--archive: %w", err))
	}
	bucket, err := archiving.OpenDirectory(dir)
	if err != nil {
		return nil, nil, app.UsageError(fmt.Errorf("--archive: %w", err))
	}
	client, err := app.ArchiverRedis(ctx, cfg, log, archiving.Connections(cfg))
	if err != nil {
		return nil, nil, errors.Join(err, bucket.Close())
	}
	release = func() { _, _ = client.Close(), bucket.Close() }
	if a, err = archiving.New(archiving.Options{Config: cfg, Redis: client, Bucket: bucket, Log: log}); err != nil {
		release()
		return nil, nil, err
	}
	return a, release, nil
}

// runBoth runs the worker, and the archiver if there is one, until ctx ends or one of them
// does. The archiver ends last: it also writes what the worker put back on the stream.
func runBoth(ctx context.Context, worker *app.Worker, archiver *archiving.Archiving) error {
	if archiver == nil {
		return worker.Run(ctx)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	archiving, stopArchiver := context.WithCancel(context.WithoutCancel(ctx))
	defer stopArchiver()
	var archived error
	var wait sync.WaitGroup
	wait.Go(func() {
		archived = archiver.Run(archiving)
		stop()
	})
	worked := worker.Run(ctx)
	stopArchiver()
	wait.Wait()
	return errors.Join(worked, archived)
}
