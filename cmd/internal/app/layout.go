package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/config"
	"ingestion/internal/redisconn"
	"ingestion/streams"
)

const (
	// layoutPause is how often a worker looks whether the number of partitions is being changed.
	layoutPause = 5 * time.Second
	// layoutTimeout bounds one look.
	layoutTimeout = 2 * time.Second
)

// useLayout takes over which other streams are still read, or returns an error if
// STREAM_PARTITIONS is another number than the recorded one: a SetupError, unless the number is
// being changed, so that it may help to wait.
func useLayout(cfg *config.Config, l streams.Layout) error {
	n := cfg.StreamPartitions
	switch {
	case l.Next != 0 && (n == l.Partitions || n == l.Next):
		return fmt.Errorf("STREAM_PARTITIONS: the number of partitions of %q is being changed from %d to %d: wait until ingestctl repartition --to %d has finished, or run that again if it was interrupted",
			cfg.StreamKey, l.Partitions, l.Next, l.Next)
	case l.Partitions != 0 && n != l.Partitions:
		return &SetupError{fmt.Errorf("STREAM_PARTITIONS is %d, but the stream %q has %d: set %d, or change it: stop the workers and run ingestctl repartition --to %d",
			n, cfg.StreamKey, l.Partitions, l.Partitions, n)}
	}
	cfg.FormerPartitions = l.Former
	return nil
}

// awaitLayout compares STREAM_PARTITIONS with what is recorded, and takes over which other
// streams are still read. While the number is being changed, it waits for
// STARTUP_TIMEOUT_SEC.
func awaitLayout(ctx context.Context, client redis.UniversalClient, cfg *config.Config, log *slog.Logger) error {
	return awaitLayoutOf(ctx, cfg, log, func(ctx context.Context) (streams.Layout, error) {
		return streams.ReadLayout(ctx, client, cfg.StreamKey)
	})
}

func awaitLayoutOf(ctx context.Context, cfg *config.Config, log *slog.Logger, read func(context.Context) (streams.Layout, error)) error {
	if cfg.QueueMode != config.ModeStream {
		return nil
	}
	return await(ctx, cfg.StartupTimeout.Duration(), log, "Redis", func(ctx context.Context) error {
		l, err := read(ctx)
		if err != nil {
			return err
		}
		return useLayout(cfg, l)
	})
}

// observedConnections is more than fails in one look: a client that has failed so often goes on
// trying in the background.
const observedConnections = 100

// ObserveLayout is the like for a tool that shows what is wrong with the server instead of
// waiting for it: what can't be read soon counts as not recorded.
func ObserveLayout(ctx context.Context, cfg *config.Config) error {
	if cfg.QueueMode != config.ModeStream {
		return nil
	}
	opts, err := cfg.RedisOptions()
	if err != nil {
		return err
	}
	client := redisconn.New(opts, observedConnections)
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(ctx, layoutTimeout)
	defer cancel()
	l, err := streams.ReadLayout(ctx, client, cfg.StreamKey)
	if err != nil {
		return nil
	}
	return useLayout(cfg, l)
}

// openLayout records STREAM_PARTITIONS if nothing is recorded.
func (w *Worker) openLayout(ctx context.Context) error {
	return awaitLayoutOf(ctx, w.cfg, w.log, w.recordLayout)
}

// recordLayout returns what is recorded. At maxmemory nothing can be: that is made up for later.
func (w *Worker) recordLayout(ctx context.Context) (streams.Layout, error) {
	ctx, cancel := context.WithTimeout(ctx, layoutTimeout)
	defer cancel()
	l, err := streams.RecordLayout(ctx, w.redis, w.cfg.StreamKey, w.cfg.StreamPartitions)
	if redis.IsOOMError(err) {
		return streams.ReadLayout(ctx, w.redis, w.cfg.StreamKey)
	}
	return l, err
}

// layoutFault says why the worker must not go on: it would judge records by windows that are
// elsewhere. It is nil if Redis does not tell.
func (w *Worker) layoutFault(ctx context.Context) error {
	if w.cfg.QueueMode != config.ModeStream {
		return nil
	}
	l, err := w.recordLayout(ctx)
	if err != nil {
		return nil
	}
	mine := *w.cfg
	return useLayout(&mine, l)
}

// watchLayout returns why the worker must not go on, or nil once ctx ends.
func (w *Worker) watchLayout(ctx context.Context) error {
	ticker := time.NewTicker(layoutPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := w.layoutFault(ctx); err != nil {
			return err
		}
	}
}
