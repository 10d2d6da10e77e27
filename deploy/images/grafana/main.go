// Command grafana replaces Grafana in the stand-in image: it reads what docker-compose.yml
// provisions, and answers, without any pages, the part of Grafana's HTTP API that shows a
// dashboard and queries Prometheus. It is stricter than Grafana, which ignores fields and
// variables that it doesn't know: most likely they are misspelt.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "grafana:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	set, err := readSettings(os.Environ())
	if err != nil {
		return err
	}
	if err := writable(set["GF_PATHS_DATA"]); err != nil {
		return fmt.Errorf("GF_PATHS_DATA: Grafana keeps its database there: %w", err)
	}
	site, err := provision(set)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(set["GF_SERVER_HTTP_ADDR"], set["GF_SERVER_HTTP_PORT"]))
	if err != nil {
		return err
	}
	fmt.Printf("HTTP Server Listen address=%s dashboards=%d datasources=%d\n", listener.Addr(), len(site.dashboards), len(site.datasources))
	return serve(ctx, listener, site.handler())
}

// writable fails unless files can be made in the directory.
func writable(dir string) error {
	file, err := os.CreateTemp(dir, "writable-*")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// serve serves until the context ends.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	const timeout = 10 * time.Second
	server := &http.Server{Handler: handler, ReadHeaderTimeout: timeout}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	return server.Shutdown(grace)
}
