package app

import (
	"context"
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

// RunWorker is the worker program: it loads the configuration, logs to w and
// works until ctx ends.
func RunWorker(ctx context.Context, w io.Writer) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	log, buffer := NewLog(cfg, w)
	defer buffer.Close()
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

// NewLog returns the logger that the configuration asks for. Its lines are
// buffered for a moment: close the buffer in the end.
func NewLog(cfg *config.Config, w io.Writer) (*slog.Logger, *logging.Buffer) {
	f, ok := w.(*os.File)
	terminal := ok && logging.IsTerminal(f)
	buffer := logging.NewBuffer(w, logBytes, logFlushInterval)
	return logging.New(buffer, cfg.LogFormat, slog.Level(cfg.LogLevel), terminal), buffer
}
