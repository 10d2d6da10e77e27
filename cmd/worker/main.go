// Command worker reads customer records from a Redis queue and inserts the valid
// ones into MongoDB.
package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/cmd/internal/tracing"
)

func main() { os.Exit(app.Execute(newCommand())) }

const longHelp = `worker reads customer records from a Redis queue, validates them, limits each
customer's rate and inserts the records into MongoDB.

It is configured by environment variables, or by a .env file in the working
directory. "worker config" prints the value of each and where it comes from. The
most important ones:

  QUEUE_MODE   list (at most once) or stream (effectively once)
  REDIS_URL    the Redis server that holds the queue
  MONGO_URI    the MongoDB server that receives the records

Metrics and health are served on ADMIN_ADDR; "worker healthcheck" asks for the latter.

The log goes to standard output, one line per record: JSON, or text on a
terminal. SIGTERM or SIGINT starts a graceful shutdown; a second signal exits at
once.

Exit codes:
  0  clean shutdown
  1  failure, or a server not ready within STARTUP_TIMEOUT_SEC
  2  wrong usage or configuration, or a Redis key of the wrong type`

const examples = `  worker                                           # list mode, local servers
  QUEUE_MODE=stream REDIS_URL=redis://db:6379/0 worker
  QUEUE_MODE=stream worker config                  # print the settings and exit
  worker config --check                            # is anything wrong?`

var health = app.Healthcheck{Program: "worker", Servers: "Redis or MongoDB", Ready: "ask whether both servers answer and records are read"}

func newCommand() *cobra.Command {
	root := app.Service(&cobra.Command{
		Use: "worker", Short: "Insert customer records from a Redis queue into MongoDB", Long: longHelp, Example: examples,
	}, health, func(ctx context.Context, out io.Writer) error { return app.RunWorker(ctx, out, tracing.StartWorker) })
	root.AddCommand(configCommand(), initCommand())
	return root
}
