// Command standalone runs the service on embedded servers, with nothing else to
// install.
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
		Short: "Run the ingestion service with nothing else to install",
		Long: `standalone contains the servers that the service needs: a Redis (miniredis, in
memory) and a MongoDB (FerretDB on SQLite files). They are for demonstrations,
development and tests; use real servers in production. They require no password,
so keep them on a loopback address.`,
		Example: `  standalone demo                  # process and check example records
  standalone run                   # keep the service running
  standalone mongo --data ./data   # one server only`,
	}
	root.AddCommand(newRun(), newDemo(), newRedis(), newMongo())
	return root
}
