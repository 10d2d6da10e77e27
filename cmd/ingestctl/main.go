// Command ingestctl is the operator's tool: it accounts for what became of the
// records and looks after those that were refused.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
)

func main() { os.Exit(app.Execute(newCommand())) }

const longHelp = `ingestctl tells an operator what became of the records, and looks after those
that were refused.

It reads the same environment variables, or .env file, as the worker, so run it
with the worker's settings; these are the ones that matter:

  REDIS_URL                      the server
  STREAM_KEY, STREAM_PARTITIONS  the streams
  STREAM_GROUP                   the workers' consumer group
  QUEUE_MODE, QUEUE_KEY          list mode: its dead letters can be looked after;
                                 there is no account of a list
  MONGO_URI, MONGO_DB, MONGO_COLLECTION   only for reconcile --documents

Workers may run meanwhile. Results are on standard output, all else on standard
error.

Exit codes: 0 in order; 1 the account does not balance or can't be judged, a
failure, or servers not there in time; 2 wrong usage, configuration or type of
key; 3 the account balances, but records are missing.`

const examples = `  ingestctl reconcile                     does the account balance?
  ingestctl reconcile --wait --documents  when all is worked off: is all of it in MongoDB?
  ingestctl dead list                     what was refused last, and why
  ingestctl dead replay --event rejected  try those again`

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:     "ingestctl",
		Short:   "Account for records, and look after refused ones",
		Long:    longHelp,
		Example: examples,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(reconcileCommand(), deadCommand())
	return root
}
