package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
)

// Listen listens on CONSOLE_ADDR.
func Listen(cfg *config.Config) (net.Listener, error) {
	if cfg.ConsoleAddr == "" {
		return nil, app.UsageError(errors.New("CONSOLE_ADDR: is empty: want for example 127.0.0.1:8080"))
	}
	l, err := net.Listen("tcp", cfg.ConsoleAddr)
	if err != nil {
		return nil, &app.SetupError{Err: fmt.Errorf("CONSOLE_ADDR: %s; set another address", app.Unable(cfg.ConsoleAddr, err))}
	}
	return l, nil
}

// ListenAnyway is Listen for a program that only serves the console too. It returns nil if
// CONSOLE_ADDR is empty, and listens on any free port if another program has taken the default.
func ListenAnyway(cfg *config.Config, log *slog.Logger) (net.Listener, error) {
	if cfg.ConsoleAddr == "" {
		return nil, nil
	}
	l, err := Listen(cfg)
	if err == nil || !cfg.IsDefault("CONSOLE_ADDR") {
		return l, err
	}
	if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("listening for the console: %w", err)
	}
	log.Warn("warning", "reason", "CONSOLE_ADDR: "+app.Unable(cfg.ConsoleAddr, syscall.EADDRINUSE)+": the console is served on "+l.Addr().String())
	return l, nil
}

// URL is the address of the console for a browser on this machine.
func URL(l net.Listener) string {
	addr, ok := l.Addr().(*net.TCPAddr)
	if ok && addr.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d/", addr.Port)
	}
	return "http://" + l.Addr().String() + "/"
}
