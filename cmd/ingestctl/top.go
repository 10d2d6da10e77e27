package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"ingestion/cmd/ingestctl/internal/top"
	"ingestion/cmd/internal/app"
	"ingestion/internal/inspect"
	"ingestion/internal/logging"
)

const topHelp = `top shows what "status" shows, live and on the whole terminal, with charts of
what was settled and of the lag, live, for the last hour and the last week. It
changes nothing. It has five views: 1 overview, 2 consumers, 3 customers who hit
their limit, 4 dead letters without their data, 5 partitions. The key ? lists
all keys, q quits. The last line but one says what to do first.

It needs a terminal, of 80 columns and 24 lines or more. Words and numbers carry
everything, so it can be read without colours (NO_COLOR).

Exit codes:
  0  ended by a key or a signal
  1  failure
  2  wrong usage or configuration, or no terminal`

const topExample = `  ingestctl top
  ingestctl top --interval 5s`

func topCommand() *cobra.Command {
	every, maxAge := time.Second, inspect.MaxAge
	cmd := &cobra.Command{
		Use:     "top",
		Short:   "Show the state of the queue live (read-only)",
		Long:    topHelp,
		Example: topExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			const least = 100 * time.Millisecond
			switch {
			case every < least:
				return app.UsageError(fmt.Errorf("--interval: %v is less than %v", every, least))
			case maxAge <= 0:
				return app.UsageError(fmt.Errorf("--max-age: %v is not positive", maxAge))
			case !logging.CanRedraw(os.Stdout) || !logging.IsTerminal(os.Stdin):
				return app.UsageError(fmt.Errorf("standard input and output are no terminal on which it can draw: use ingestctl status --watch"))
			}
			o, err := observe(cmd.Context(), cmd)
			if err != nil {
				return err
			}
			defer o.close()
			return top.Run(cmd.Context(), top.Options{
				Source: o.source, Mongo: o.store, Limits: inspect.Limits{MaxAge: maxAge}, Every: every,
				Input: os.Stdin, Output: os.Stdout, Environ: os.Environ(),
			})
		},
	}
	app.DurationVar(cmd.Flags(), &every, "interval", every, "time between two readings")
	app.DurationVar(cmd.Flags(), &maxAge, "max-age", maxAge, "not in order if an entry has waited for longer")
	return cmd
}
