package main

import (
	"github.com/spf13/cobra"

	"ingestion/internal/embedded"
)

func newMongo() *cobra.Command {
	var options embedded.Options
	command := &cobra.Command{
		Use:   "mongo",
		Short: "Run the embedded MongoDB alone",
		Long: `Runs the embedded MongoDB until SIGINT or SIGTERM, and prints one line, "ready"
and its URI, when clients can connect. With --data it keeps its data in that
folder and serves them again at the next start; without, they end with it.`,
		Example: `  standalone mongo --data ./data
  standalone mongo --addr 127.0.0.1:0      # a free port, told in the line "ready"
  MONGO_URI=mongodb://127.0.0.1:27017/ worker`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			server, err := embedded.StartMongo(command.Context(), options)
			if err != nil {
				return err
			}
			return serve(command, server, server.Addr(), server.URI())
		},
	}
	command.Flags().StringVar(&options.Addr, "addr", "127.0.0.1:27017", "host:port to listen on; port 0 takes a free one")
	command.Flags().StringVar(&options.Dir, "data", "", "folder for the data; made if it is not there (default: a temporary one)")
	return command
}
