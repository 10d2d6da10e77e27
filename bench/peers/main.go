// Command peers compares the worker with its alternatives: asynq, Watermill and
// a plain loop do the main part of its work, on the same records, Redis and
// store, in one run. It is a module of its own, so that the service does not
// depend on them:
//
//	make peers
//
// Each round refills each queue with the same records and times each system
// from its start until all documents are stored. The result is the median over
// the rounds, relative to the worker in stream mode. The store only counts
// documents, so that it is not the bottleneck.
//
// The others do less: they decode a record, check that its fields are present
// and insert it with the same _id. They do not validate, limit or account.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if name := os.Getenv(serveVariable); name != "" {
		err = serve(ctx, name)
	} else {
		err = newCommand().ExecuteContext(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var m measurement
	var into string
	c := &cobra.Command{
		Use:           "peers --worker PATH",
		Short:         "Compare the worker with asynq, Watermill and a plain loop",
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if m.worker, err = filepath.Abs(m.worker); err != nil {
				return err
			}
			results, err := m.run(c.Context())
			if err != nil {
				return err
			}
			table := tableOf(results)
			fmt.Print(table)
			if into == "" {
				return nil
			}
			return replaceBlock(into, table)
		},
	}
	flags := c.Flags()
	flags.StringVar(&m.worker, "worker", "", "the built worker")
	flags.IntVar(&m.records, "records", 100_000, "records per run")
	flags.IntVar(&m.rounds, "rounds", 5, "runs of each system")
	flags.StringVar(&into, "into", "", "file whose block between the marks <!-- peers --> is replaced by the table")
	_ = c.MarkFlagRequired("worker")
	return c
}
