// Package embedded runs the two servers of the service inside this process:
// a Redis (miniredis, in memory) and a MongoDB (FerretDB on SQLite files).
// They serve demonstrations, development and tests; a deployment uses real
// servers.
//
// Neither asks for a password, so both belong on a loopback address. An
// address with port 0 takes a free port, which Addr then tells. Several
// servers may run beside each other in one process; every function here may
// be called from any goroutine.
package embedded

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// probe says whether addr can be listened on, before a server is built that
// could not be taken apart again.
func probe(what, addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return listenError(what, addr, err)
	}
	return l.Close()
}

// listenError turns a failure to listen into a sentence that says what to do.
func listenError(what, addr string, err error) error {
	advice := "give an address of this machine such as 127.0.0.1:0, which takes a free port"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		advice = "another program has this port: end it, or give another address (port 0 takes a free one)"
	case errors.Is(err, os.ErrPermission):
		advice = "this port needs more rights: give one above 1023 (port 0 takes a free one)"
	}
	return fmt.Errorf("embedded %s cannot listen on %q: %s: %w", what, addr, advice, err)
}
