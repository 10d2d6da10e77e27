package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"ingestion/internal/config"
	"ingestion/internal/logging"
)

const (
	logBytes         = 64 << 10
	logFlushInterval = 200 * time.Millisecond
)

// exitGrace is how much longer than SHUTDOWN_TIMEOUT_SEC a shutdown may take: there are last
// calls to both servers.
const exitGrace = 10 * time.Second

// RunWorker loads the configuration and runs a worker that logs to w, until ctx ends or
// WORKER_MAX_MESSAGES deliveries are settled.
func RunWorker(ctx context.Context, w io.Writer, trace StartTracer) (err error) {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	defer ReserveHeap()()
	defer exitWithin(ctx, cfg.ShutdownTimeout.Duration()+exitGrace)()
	log, buffer := NewLog(cfg, w)
	defer func() {
		if closeErr := buffer.Close(); err == nil {
			err = closeErr
		}
	}()
	tracer, stop := trace(ctx, cfg, log)
	defer stop()
	worker, err := NewWorker(ctx, cfg, log, buffer.Flush, tracer)
	if ctx.Err() != nil && ExitCode(err) == exitFailure {
		log.Info("worker_stopped", "status", "success", "reason", "stopped before both servers answered")
		return nil
	}
	if err != nil {
		return err
	}
	defer worker.Close()
	return worker.Run(ctx)
}

// exitWithin exits the process with code 1 once limit has passed after the end of ctx, unless
// cancel is called first. That happens if a call hangs that takes no context, such as a write
// to a log that nobody reads.
func exitWithin(ctx context.Context, limit time.Duration) (cancel func()) {
	ended := make(chan struct{})
	context.AfterFunc(ctx, func() {
		select {
		case <-ended:
		case <-time.After(limit):
			fmt.Fprintf(os.Stderr, "worker: still running %v after the signal; is anything reading standard output? Records in flight may be lost in list mode\n", limit)
			os.Exit(exitFailure)
		}
	})
	return func() { close(ended) }
}

// NewLog returns the configured logger, and the buffer that its lines go through. Close the
// buffer at the end. It prints the suspects of the configuration on standard error, before
// the first line.
func NewLog(cfg *config.Config, w io.Writer) (*slog.Logger, *logging.Buffer) {
	Warn(os.Stderr, cfg.Suspects())
	f, ok := w.(*os.File)
	terminal := ok && logging.IsTerminal(f)
	buffer := logging.NewBuffer(w, logBytes, logFlushInterval)
	return logging.New(buffer, cfg.LogFormat, slog.Level(cfg.LogLevel), terminal), buffer
}
