package main

import (
	"github.com/spf13/cobra"

	"ingestion/cmd/internal/demo"
)

func newDemo() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Run the whole service on example records and check every outcome",
		Long: `demo starts the embedded servers and the worker, loads the example file,
generates more records and prints how many records had each outcome. It exits
within a minute, with exit code 0 only if the ledger, the log, MongoDB and the
dead letters all agree with an independent count of what was sent.

Environment variables and .env are ignored.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return demo.Run(command.Context(), command.OutOrStdout())
		},
	}
}
