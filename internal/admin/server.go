package admin

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	closeTimeout = time.Second      // for requests under way at the end
	writeTimeout = 30 * time.Second // of an answer
	profiling    = 5 * time.Minute  // of an answer, if profiles are served
)

// Server is an HTTP server that runs until it is closed.
type Server struct {
	http *http.Server
	addr net.Addr
	done chan struct{}
}

// Serve answers requests on the listener.
func Serve(l net.Listener, opts Options, log *slog.Logger) *Server {
	s := &Server{addr: l.Addr(), done: make(chan struct{}), http: &http.Server{
		Handler:           Handler(opts),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // clients that break off, and the like
	}}
	if opts.Pprof {
		s.http.WriteTimeout = profiling
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(l); err != http.ErrServerClosed {
			log.Error("warning", "status", "error", "reason", "metrics and health are no longer served: "+err.Error())
		}
	}()
	return s
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() string { return s.addr.String() }

// Close ends the server. Requests under way have a second to end.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	<-s.done
}
