package main

import (
	"github.com/spf13/cobra"
)

const longHelp = `producer puts customer records on the Redis queue that the worker takes them from.

Environment variables, or a .env file in the working directory, say where that is:

  REDIS_URL               the server
  QUEUE_MODE              list or stream
  QUEUE_KEY, STREAM_KEY   the key of the list or of the stream
  STREAM_PARTITIONS       the number of streams, the same as the worker's
  PRODUCER_WAIT_REPLICAS  replicas that must have each batch before it counts

While Redis is away, full or failing over, producer waits and goes on by itself.
A batch whose reply was lost is sent again: the worker sees the repeated records
as duplicates.

Exit codes: 0 orderly end; 1 failure, interruption of a load, or Redis not there
in time; 2 wrong usage, configuration or type of key; a second signal ends at
once with 128 and its number.`

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:     "producer",
		Short:   "Put customer records on the queue",
		Long:    longHelp,
		Example: "  producer generate --count 100\n  producer load examples/customers.ndjson",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(generateCommand(), loadCommand())
	return root
}
