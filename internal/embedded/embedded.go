// Package embedded runs a Redis (miniredis, in memory) and a MongoDB (FerretDB on
// SQLite files) inside this process, for demonstrations, development and tests.
// Use real servers in production.
//
// Neither server requires a password, so both belong on a loopback address. Port 0
// in an address means any free port; Addr returns the actual one. A process may
// run several servers. All functions and methods are safe for concurrent use.
package embedded

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// probe checks that addr can be listened on, before a server is built: one that
// fails to listen can't be closed.
func probe(what, addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return listenError(what, addr, err)
	}
	return l.Close()
}

// listenError explains why listening on addr failed and what to do about it.
func listenError(what, addr string, err error) error {
	advice := "use an address of this machine, for example 127.0.0.1:0 for any free port"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		advice = "the port is in use: stop the other program, or use another port (0 means any free one)"
	case errors.Is(err, os.ErrPermission):
		advice = "the port is privileged: use one above 1023 (0 means any free one)"
	}
	return fmt.Errorf("embedded %s cannot listen on %q: %s: %w", what, addr, advice, err)
}
