package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Exit codes, the same for every command of the service.
const (
	exitOrderly = 0
	exitFailure = 1 // at run time, or a server that cannot start
	exitUsage   = 2
)

// failure is an error of a command's work, as opposed to its usage.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// execute runs the command line and returns the process's exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	var failed failure
	switch {
	case err == nil:
		return exitOrderly
	case errors.As(err, &failed):
		fmt.Fprintf(stderr, "%s: %v\n", command.CommandPath(), err)
		return exitFailure
	default:
		fmt.Fprintf(stderr, "%s: %v\nsee %s --help\n", command.CommandPath(), err, command.CommandPath())
		return exitUsage
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "standalone",
		Short: "The ingestion service without anything to install",
		Long: `standalone carries the servers that the service needs inside itself: a Redis
(miniredis, in memory) and a MongoDB (FerretDB on SQLite files). They are for
trying things out, for development and for tests; a deployment uses real
servers. They ask for no password: leave them on a loopback address.`,
		Example: `  standalone redis
  standalone mongo --data ./data`,
		SilenceErrors: true, // execute prints them
		SilenceUsage:  true,
	}
	root.AddCommand(newRun(), newDemo(), newRedis(), newMongo())
	return root
}
