package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"gocloud.dev/blob"

	"ingestion/cmd/internal/app"
	"ingestion/cmd/internal/archiving"
	"ingestion/cmd/internal/web"
	"ingestion/internal/config"
)

// consoleServer serves the console on a listener.
type consoleServer struct {
	listener net.Listener // nil: the console is not served
	handler  http.Handler
	log      *slog.Logger
}

// openConsole prepares the console, with the archive in a directory unless that is empty. Call
// release at the end.
func openConsole(ctx context.Context, cfg *config.Config, log *slog.Logger, archiveDir string) (s *consoleServer, release func(), err error) {
	s = &consoleServer{log: log}
	if s.listener, err = web.ListenAnyway(cfg, log); s.listener == nil {
		return s, func() {}, err
	}
	sources, err := consoleSources(ctx, cfg, log, archiveDir)
	if err == nil {
		if s.handler, err = web.Handler(cfg, sources, log); err != nil {
			sources.Close()
		}
	}
	if err != nil {
		return nil, nil, errors.Join(err, s.listener.Close())
	}
	return s, sources.Close, nil
}

func consoleSources(ctx context.Context, cfg *config.Config, log *slog.Logger, archiveDir string) (*web.Sources, error) {
	if archiveDir == "" {
		return web.Open(ctx, cfg, log, nil)
	}
	s, err := web.Open(ctx, cfg, log, func() (*blob.Bucket, error) { return archiving.OpenDirectory(archiveDir) })
	if err != nil {
		return nil, err
	}
	if _, err := s.Bucket.Get(ctx); err != nil {
		s.Close()
		return nil, app.UsageError(fmt.Errorf("--archive: %w", err))
	}
	return s, nil
}

// url is where the console is; "" if it is not served.
func (s *consoleServer) url() string {
	if s.listener == nil {
		return ""
	}
	return web.URL(s.listener)
}

// during serves the console while run runs. That goes on if the console fails.
func (s *consoleServer) during(ctx context.Context, run func(context.Context) error) error {
	if s.listener == nil {
		return run(ctx)
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := web.Serve(serving, s.listener, s.handler, s.log); err != nil {
			s.log.Error("warning", "status", "error", "reason", err.Error())
		}
	})
	err := run(ctx)
	stop()
	wait.Wait()
	return err
}
