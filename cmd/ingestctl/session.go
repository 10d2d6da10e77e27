package main

import (
	"context"
	"io"
	"log/slog"
	"slices"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/store"
)

// session holds what a command needs.
type session struct {
	cfg     *config.Config
	redis   redis.UniversalClient // nil if the command does not need it
	store   *store.Store          // likewise
	log     *slog.Logger
	out     io.Writer // results
	err     io.Writer // everything else
	closers []func()
}

// open loads the configuration, applies change unless it is nil, and connects to
// Redis. Warnings go to standard error: standard output has results only.
func open(ctx context.Context, cmd *cobra.Command, change func(*config.Config)) (*session, error) {
	return openWith(ctx, cmd, change, app.OperatorRedis)
}

// openPartly is open for commands that tell what they can while masters of a Redis Cluster
// do not answer.
func openPartly(ctx context.Context, cmd *cobra.Command) (*session, error) {
	return openWith(ctx, cmd, nil, app.PartialRedis)
}

type connect func(context.Context, *config.Config, *slog.Logger) (redis.UniversalClient, error)

func openWith(ctx context.Context, cmd *cobra.Command, change func(*config.Config), to connect) (*session, error) {
	s, err := load(cmd)
	if err != nil {
		return nil, err
	}
	if change != nil {
		change(s.cfg)
	}
	if s.redis, err = to(ctx, s.cfg, s.log); err != nil {
		s.close()
		return nil, err
	}
	s.closers = append(s.closers, func() { _ = s.redis.Close() })
	return s, nil
}

// openStore loads the configuration and connects to MongoDB.
func openStore(ctx context.Context, cmd *cobra.Command) (*session, error) {
	s, err := load(cmd)
	if err != nil {
		return nil, err
	}
	var release func()
	if s.store, release, err = app.OperatorStore(ctx, s.cfg, s.log); err != nil {
		s.close()
		return nil, err
	}
	s.closers = append(s.closers, release)
	return s, nil
}

// load loads the configuration. The session is connected to no server yet.
func load(cmd *cobra.Command) (*session, error) {
	cfg, err := config.Load()
	if err != nil {
		return nil, err
	}
	s := &session{cfg: cfg, out: cmd.OutOrStdout(), err: cmd.ErrOrStderr()}
	log, buffer := app.NewLog(cfg, s.err)
	s.log = log
	s.closers = append(s.closers, func() { _ = buffer.Close() })
	return s, nil
}

func (s *session) close() {
	for _, closer := range slices.Backward(s.closers) {
		closer()
	}
}

// keys returns the keys of the stream's partitions, and of others that are still read.
func (s *session) keys() []string {
	return s.cfg.Layout().Keys()
}
