package main

import (
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/embedded"
)

func newRedis() *cobra.Command {
	var addr string
	command := &cobra.Command{
		Use:   "redis",
		Short: "Run the embedded Redis only",
		Long: `redis runs the embedded Redis until SIGINT or SIGTERM. It prints one line,
"ready" and the URL, as soon as clients can connect. The data is in memory only.`,
		Example: `  standalone redis
  standalone redis --addr 127.0.0.1:0     # any free port
  REDIS_URL=redis://127.0.0.1:6379/0 worker`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			server, err := embedded.StartRedis(command.Context(), addr)
			if err != nil {
				return blame(err, "--addr")
			}
			return serve(command, server, server.Addr(), server.URL())
		},
	}
	command.Flags().StringVar(&addr, "addr", "127.0.0.1:6379", "listen `ADDRESS`; port 0 is any free one")
	return command
}

func newMongo() *cobra.Command {
	var options embedded.Options
	command := &cobra.Command{
		Use:   "mongo",
		Short: "Run the embedded MongoDB only",
		Long: `mongo runs the embedded MongoDB until SIGINT or SIGTERM. It prints one line,
"ready" and the URI, as soon as clients can connect. With --data it keeps the
data in that directory across restarts; without, the data is deleted on exit.`,
		Example: `  standalone mongo --data ./data
  standalone mongo --addr 127.0.0.1:0     # any free port
  MONGO_URI=mongodb://127.0.0.1:27017/ worker`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			server, err := embedded.StartMongo(command.Context(), options)
			if err != nil {
				return blame(err, "--addr")
			}
			return serve(command, server, server.Addr(), server.URI())
		},
	}
	command.Flags().StringVar(&options.Addr, "addr", "127.0.0.1:27017", "listen `ADDRESS`; port 0 is any free one")
	command.Flags().StringVar(&options.Dir, "data", "", "data `DIRECTORY`, created if necessary (default: temporary)")
	return command
}

// blame names the flag of an address that a server can't listen on, or --data.
func blame(err error, flag string) error {
	var dir *embedded.DirError
	if errors.As(err, &dir) && dir.Dir != "" {
		return fmt.Errorf("--data: %w", err)
	}
	var refused *embedded.AddrError
	if !errors.As(err, &refused) {
		return err
	}
	err = fmt.Errorf("%s: %w", flag, err)
	if refused.Malformed {
		return app.UsageError(err)
	}
	return err
}

// serve prints that server is ready at url, and closes it when the command's
// context ends.
func serve(command *cobra.Command, server io.Closer, addr, url string) error {
	if !isLoopback(addr) {
		command.PrintErrf("warning: %s can be reached from other machines, and this server requires no password\n", addr)
	}
	if _, err := fmt.Fprintf(command.OutOrStdout(), "ready %s\n", url); err != nil {
		return errors.Join(fmt.Errorf("printing the server's URL: %w", err), server.Close())
	}
	<-command.Context().Done()
	return server.Close()
}

func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && net.ParseIP(host).IsLoopback()
}
