package main

import (
	"github.com/spf13/cobra"

	"ingestion/internal/embedded"
)

func newRedis() *cobra.Command {
	var addr string
	command := &cobra.Command{
		Use:   "redis",
		Short: "Run the embedded Redis alone",
		Long: `Runs the embedded Redis until SIGINT or SIGTERM, and prints one line, "ready"
and its URL, when clients can connect. Its data are in memory and end with it.`,
		Example: `  standalone redis
  standalone redis --addr 127.0.0.1:0      # a free port, told in the line "ready"
  REDIS_URL=redis://127.0.0.1:6379/0 worker`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			server, err := embedded.StartRedis(command.Context(), addr)
			if err != nil {
				return err
			}
			return serve(command, server, server.Addr(), server.URL())
		},
	}
	command.Flags().StringVar(&addr, "addr", "127.0.0.1:6379", "host:port to listen on; port 0 takes a free one")
	return command
}
