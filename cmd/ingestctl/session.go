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
	"ingestion/record"
)

// session holds what every command needs.
type session struct {
	cfg     *config.Config
	redis   redis.UniversalClient
	log     *slog.Logger
	out     io.Writer // results
	err     io.Writer // everything else
	closers []func()
}

// open loads the configuration, applies change unless it is nil, and connects to
// Redis. Warnings go to standard error: standard output has results only.
func open(ctx context.Context, cmd *cobra.Command, change func(*config.Config)) (*session, error) {
	cfg, err := config.Load()
	if err != nil {
		return nil, err
	}
	if change != nil {
		change(cfg)
	}
	s := &session{cfg: cfg, out: cmd.OutOrStdout(), err: cmd.ErrOrStderr()}
	log, buffer := app.NewLog(cfg, s.err)
	s.log = log
	s.closers = append(s.closers, func() { _ = buffer.Close() })
	if s.redis, err = app.OperatorRedis(ctx, cfg, log); err != nil {
		s.close()
		return nil, err
	}
	s.closers = append(s.closers, func() { _ = s.redis.Close() })
	return s, nil
}

func (s *session) close() {
	for _, closer := range slices.Backward(s.closers) {
		closer()
	}
}

// keys returns the keys of the stream's partitions.
func (s *session) keys() []string {
	return record.PartitionKeys(s.cfg.StreamKey, s.cfg.StreamPartitions)
}
