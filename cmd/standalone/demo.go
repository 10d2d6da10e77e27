package main

import (
	"github.com/spf13/cobra"

	"ingestion/cmd/internal/demo"
)

func newDemo() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show the whole service at work, and check it, within a minute",
		Long: `Starts the embedded servers and the worker, loads the example file, lets the
generator run, and prints what became of every record. It ends by itself: with
exit code 0 only if the ledger, the log, MongoDB and the dead letters all agree
with an independent count of what was sent.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return demo.Run(command.Context(), command.OutOrStdout())
		},
	}
}
