package main

import (
	"fmt"
	"io"
	"net"

	"github.com/spf13/cobra"
)

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
