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

// overtime is how much longer than SHUTDOWN_TIMEOUT_SEC a worker may take to
// end: it has last words for both servers.
const overtime = 10 * time.Second

// RunWorker is the worker program: it loads the configuration, logs to w and
// works until ctx ends.
func RunWorker(ctx context.Context, w io.Writer) (err error) {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	defer reserveHeap()()
	defer exitWithin(ctx, cfg.ShutdownTimeout.Duration()+overtime)()
	log, buffer := NewLog(cfg, w)
	defer func() {
		if closeErr := buffer.Close(); err == nil {
			err = closeErr
		}
	}()
	worker, err := NewWorker(ctx, cfg, log, buffer.Flush)
	if ctx.Err() != nil && ExitCode(err) == exitFailure {
		log.Info("worker_stopped", "status", "success", "reason", "told to end before the servers were there")
		return nil
	}
	if err != nil {
		return err
	}
	defer worker.Close()
	return worker.Run(ctx)
}

// exitWithin ends the process with exit code 1 if it still runs so long after
// the end of ctx, unless the function returned is called before: something that
// heeds no context hangs, such as a log that nobody reads.
func exitWithin(ctx context.Context, limit time.Duration) (cancel func()) {
	ended := make(chan struct{})
	context.AfterFunc(ctx, func() {
		select {
		case <-ended:
		case <-time.After(limit):
			fmt.Fprintf(os.Stderr, "worker: not ended %v after the signal; is standard output read? What is still held may be lost in list mode\n", limit)
			os.Exit(exitFailure)
		}
	})
	return func() { close(ended) }
}

// NewLog returns the logger that the configuration asks for. Its lines are
// buffered for a moment: close the buffer in the end.
func NewLog(cfg *config.Config, w io.Writer) (*slog.Logger, *logging.Buffer) {
	f, ok := w.(*os.File)
	terminal := ok && logging.IsTerminal(f)
	buffer := logging.NewBuffer(w, logBytes, logFlushInterval)
	return logging.New(buffer, cfg.LogFormat, slog.Level(cfg.LogLevel), terminal), buffer
}
