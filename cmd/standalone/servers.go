package main

import (
	"fmt"
	"io"
	"net"

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

// serve says that server is ready at url, and closes it when the command's
// context ends.
func serve(command *cobra.Command, server io.Closer, addr, url string) error {
	if !loopback(addr) {
		command.PrintErrf("warning: %s can be reached from other machines, and this server asks for no password\n", addr)
	}
	if _, err := fmt.Fprintf(command.OutOrStdout(), "ready %s\n", url); err != nil {
		_ = server.Close() // the first error says more
		return fmt.Errorf("nobody learns that the server is ready: %w", err)
	}
	<-command.Context().Done()
	if err := server.Close(); err != nil {
		return err
	}
	return nil
}

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && net.ParseIP(host).IsLoopback()
}
