package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9/logging"
	"github.com/spf13/cobra"
)

// Execute runs a program's command line until SIGINT or SIGTERM, reports its
// error on standard error and returns the exit code.
func Execute(root *cobra.Command) int {
	logging.Disable()              // the Redis client's own complaints: what matters is logged by us
	signal.Ignore(syscall.SIGPIPE) // a log that nobody reads any more is an error to report
	ctx, stop := untilSignal(context.Background())
	defer stop()
	root.SilenceErrors, root.SilenceUsage = true, true
	root.Version = version()
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	markRuns(root)
	cmd, err := root.ExecuteContextC(ctx)
	var ran *runError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &ran):
		Report(os.Stderr, cmd.CommandPath(), ran.err)
		return ExitCode(ran.err)
	default:
		fmt.Fprintf(os.Stderr, "%s: %v\nsee %s --help\n", cmd.CommandPath(), err, cmd.CommandPath())
		return exitUsage
	}
}

// runError is an error of a command's work; cobra's own are about its usage.
type runError struct{ err error }

func (e *runError) Error() string { return e.err.Error() }
func (e *runError) Unwrap() error { return e.err }

func markRuns(cmd *cobra.Command) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if err := run(cmd, args); err != nil {
				return &runError{err}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		markRuns(sub)
	}
}

// sameSignal is how close together two equal signals count as one: `timeout`
// and some supervisors signal the process and then its whole group.
const sameSignal = 50 * time.Millisecond

// untilSignal returns a context that ends at the first SIGINT or SIGTERM. The
// second one ends the process at once with 128 + its number.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	stopped := make(chan struct{})
	go func() {
		select {
		case first := <-signals:
			cancel()
			exitAtSecond(first, signals, stopped)
		case <-stopped:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(stopped)
		cancel()
	}
}

func exitAtSecond(first os.Signal, signals <-chan os.Signal, stopped <-chan struct{}) {
	begin := time.Now()
	for {
		select {
		case s := <-signals:
			if isEcho(first, s, time.Since(begin)) {
				continue
			}
			number, _ := s.(syscall.Signal)
			os.Exit(128 + int(number))
		case <-stopped:
			return
		}
	}
}

// isEcho says whether a signal that comes so long after the first one is but
// the same one again.
func isEcho(first, next os.Signal, after time.Duration) bool {
	return next == first && after < sameSignal
}
