// Command standalone runs the service without anything to install.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
)

func main() { os.Exit(app.Execute(newRoot())) }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "standalone",
		Short: "The ingestion service without anything to install",
		Long: `standalone carries the servers that the service needs inside itself: a Redis
(miniredis, in memory) and a MongoDB (FerretDB on SQLite files). They are for
trying things out, for development and for tests; a deployment uses real
servers. They ask for no password: leave them on a loopback address.`,
		Example: `  standalone redis
  standalone mongo --data ./data`,
		SilenceErrors: true, // execute prints them
		SilenceUsage:  true,
	}
	root.AddCommand(newRun(), newDemo(), newRedis(), newMongo())
	return root
}
