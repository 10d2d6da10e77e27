// Command ingestctl is the operator's tool: it accounts for every record and
// manages the dead letters.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
)

func main() { os.Exit(app.Execute(newCommand())) }

const longHelp = `ingestctl shows what became of every record and manages the dead letters, which
are the refused records.

It reads the same environment variables or .env file as the worker. Run it with
the worker's settings; it uses these:

  REDIS_URL                               the Redis server
  STREAM_KEY, STREAM_PARTITIONS           the streams
  STREAM_GROUP                            the workers' consumer group
  QUEUE_MODE, QUEUE_KEY                   list mode: "dead" works on the dead
                                          letters of the list; "reconcile" needs
                                          a stream
  MONGO_URI, MONGO_DB, MONGO_COLLECTION   for "reconcile --documents" only

It is safe to run while workers run. Results go to standard output, everything
else to standard error.

Exit codes:
  0  success; for reconcile: the account balances and nothing is missing
  1  failure, or a server not ready in time; for reconcile: the account does not
     balance, or that is unknown
  2  wrong usage or configuration, or a Redis key of the wrong type
  3  the account balances, but records are missing`

const examples = `  ingestctl reconcile                     does the account balance?
  ingestctl reconcile --wait --documents  wait until settled, then check MongoDB
  ingestctl dead list                     what was refused last, and why?
  ingestctl dead replay --event rejected  process these records again`

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:     "ingestctl",
		Short:   "Account for every record and manage dead letters",
		Long:    longHelp,
		Example: examples,
		Args:    cobra.NoArgs,
		RunE:    showHelp,
	}
	root.AddCommand(reconcileCommand(), deadCommand())
	return root
}

func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }
