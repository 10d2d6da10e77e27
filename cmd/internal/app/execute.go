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

// Execute runs a command line, and cancels its context at the first SIGINT or SIGTERM. It
// reports an error on standard error and returns the exit code.
func Execute(root *cobra.Command) int {
	logging.Disable()              // of the Redis client, whose errors we log ourselves
	signal.Ignore(syscall.SIGPIPE) // a closed log is an error to report, not a reason to die
	ctx, stop := untilSignal(context.Background())
	defer stop()
	root.SilenceErrors, root.SilenceUsage = true, true
	addManual(root)
	explainUsage(root)
	completeValues(root)
	showVersion(root) // after explainUsage, which gives every command a check of its arguments
	markRuns(root)
	cmd, err := root.ExecuteContextC(ctx)
	var ran *runError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errShowVersion):
		fmt.Println(root.Name(), version())
		return exitOK
	case errors.As(err, &ran):
		Report(os.Stderr, cmd.CommandPath(), ran.err)
		return ExitCode(ran.err)
	default:
		fmt.Fprintf(os.Stderr, "%s: %v\nsee %s --help\n", cmd.CommandPath(), err, cmd.CommandPath())
		return exitUsage
	}
}

// runError is an error of a command that ran. Other errors are cobra's, about the usage.
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

// echoWindow is the time within which a repeated signal counts as the same one: `timeout`
// and some supervisors signal the process and then its process group.
const echoWindow = 50 * time.Millisecond

// untilSignal returns a context that ends at the first SIGINT or SIGTERM. At the second one
// the process exits immediately, with 128 plus the number of the signal.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	stopped := make(chan struct{})
	go func() {
		select {
		case first := <-signals:
			cancel()
			exitAtSecondSignal(first, signals, stopped)
		case <-stopped:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(stopped)
		cancel()
	}
}

func exitAtSecondSignal(first os.Signal, signals <-chan os.Signal, stopped <-chan struct{}) {
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

// isEcho reports whether next, which arrived a while after first, is the same signal sent
// twice.
func isEcho(first, next os.Signal, after time.Duration) bool {
	return next == first && after < echoWindow
}
