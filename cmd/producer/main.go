// Command producer writes customer records to the queue: generated ones, or those
// of a file.
package main

import (
	"os"
	_ "time/tzdata" // for --time-zone: the image has no time zones

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
)

func main() { os.Exit(app.Execute(newCommand())) }

const longHelp = `producer writes customer records to the Redis queue that the worker reads.

Environment variables, or a .env file in the working directory, configure it:

  REDIS_URL               the Redis server
  QUEUE_MODE              list or stream
  QUEUE_KEY, STREAM_KEY   the key of the list or of the stream
  STREAM_PARTITIONS       the number of streams, the same as for the worker
  PRODUCER_WAIT_REPLICAS  the number of replicas that must confirm each batch

While Redis is unavailable, full or failing over, producer waits and retries. A
batch whose reply was lost is sent again; the worker counts the repeated records
as duplicates.

Exit codes: 0 success or clean shutdown; 1 failure, interrupted load, or Redis not
available in time; 2 invalid usage, configuration or type of key. A second signal
terminates the program at once with 128 plus the signal's number.`

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:     "producer",
		Short:   "Write customer records to the queue",
		Long:    longHelp,
		Example: "  producer generate --count 100\n  producer load examples/customers.ndjson",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(generateCommand(), loadCommand())
	return root
}
