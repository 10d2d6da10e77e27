package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
)

// session is what every command works with.
type session struct {
	cfg    *config.Config
	redis  redis.UniversalClient
	log    *slog.Logger
	out    io.Writer // results
	err    io.Writer // all else
	ending []func()
}

// open loads the configuration, which change may alter, and connects to Redis.
// Warnings go to standard error, so that standard output holds results alone.
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
	s.ending = append(s.ending, func() { _ = buffer.Close() })
	if s.redis, err = app.OperatorRedis(ctx, cfg, log); err != nil {
		s.close()
		return nil, err
	}
	s.ending = append(s.ending, func() { _ = s.redis.Close() })
	return s, nil
}

func (s *session) close() {
	for i := len(s.ending) - 1; i >= 0; i-- {
		s.ending[i]()
	}
}
