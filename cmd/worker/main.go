// Command worker takes customer records off a Redis queue and inserts the
// valid ones into MongoDB.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
)

func main() { os.Exit(app.Execute(newCommand())) }

const longHelp = `worker takes customer records off a Redis queue, validates them, holds each
customer to its rate and inserts the records into MongoDB.

It is configured by environment variables, or by a .env file in the working
directory; "worker config" prints all of them with their effective values. The
most important ones:

  QUEUE_MODE   list (at-most-once) or stream (exactly-once in effect)
  REDIS_URL    where the records come from
  MONGO_URI    where they go

It logs one JSON line a record on standard output. SIGTERM ends it orderly, a
second one at once.

Exit codes: 0 orderly end; 1 failure, or servers not there in time; 2 wrong
usage, configuration or type of key.`

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "worker",
		Short: "Take customer records off the queue and insert them into MongoDB",
		Long:  longHelp,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return app.RunWorker(cmd.Context(), cmd.OutOrStdout()) },
	}
	root.AddCommand(configCommand())
	return root
}

func configCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Print the effective configuration, without passwords",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load()
			if err != nil {
				return err
			}
			for _, s := range cfg.Settings() {
				fmt.Fprintf(cmd.OutOrStdout(), "%s=%s\n", s.Name, s.Value)
			}
			return nil
		},
	}
}
