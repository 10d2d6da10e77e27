// Command ingestctl is the operator's tool: it says what is wrong and what to do,
// accounts for every record, follows single ones, and manages dead letters, limits and
// pauses.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
)

func main() { os.Exit(app.Execute(newCommand())) }

const longHelp = `ingestctl says what is wrong with the queue and what to do, accounts for every
record, follows single ones, manages dead letters (the refused records) and the
limits of customers, and pauses or moves the queue.

It reads the same environment variables or .env file as the worker. Run it with
the worker's settings; it uses these:

  REDIS_URL                               the Redis server
  STREAM_KEY, STREAM_PARTITIONS           the streams
  STREAM_GROUP                            the workers' consumer group
  QUEUE_MODE, QUEUE_KEY                   list mode; "reconcile" needs a stream
  MONGO_URI, MONGO_DB, MONGO_COLLECTION   for commands that look at documents
  ARCHIVE_URL                             for commands that look at the archive
  all others                              "doctor" compares them with the workers'

It is safe to run while workers run. Results go to standard output, everything
else to standard error. Commands that change anything say so in their help, have
--dry-run, and ask before they begin, or want --yes where they can't ask.

Exit codes:
  0  success, and all is in order
  1  failure, a server not ready in time, or something is not in order: the help
     of each command says what
  2  wrong usage or configuration, or a Redis key of the wrong type
  3  for reconcile: the account balances, but records are missing`

const examples = `  ingestctl status                        what is wrong, and what to do?
  ingestctl doctor                        is everything set up as it should be?
  ingestctl reconcile                     does the account balance?
  ingestctl trace 1795477478417-0         where is this record, and why?
  ingestctl dead list                     what was refused last, and why?
  ingestctl dead replay --event rejected  process these records again
  ingestctl find --customer 42            what is stored for this customer?
  ingestctl pause --for 30m               workers stop reading; resume ends it
  ingestctl rebuild --into what_if --diff what would today's limits have made?`

// The groups of the commands in the help.
const (
	looking  = "looking"
	records  = "records"
	changing = "changing"
	keeping  = "keeping"
)

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:     "ingestctl",
		Short:   "Watch the queue, account for every record, and mend what is wrong",
		Long:    longHelp,
		Example: examples,
		Args:    cobra.NoArgs,
		RunE:    showHelp,
	}
	addGroup(root, looking, "The queue and its servers:", statusCommand(), topCommand(), doctorCommand(), reconcileCommand())
	addGroup(root, records, "Records and customers:", traceCommand(), findCommand(), deadCommand(), limitsCommand())
	addGroup(root, changing, "Changing the queue:", pauseCommand(), resumeCommand(), migrateCommand(), repartitionCommand())
	addGroup(root, keeping, "The event log:", archiveCommand(), rebuildCommand())
	return root
}

func addGroup(root *cobra.Command, id, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: id, Title: title})
	for _, command := range commands {
		command.GroupID = id
	}
	root.AddCommand(commands...)
}

func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }
