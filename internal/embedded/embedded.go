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
	"strconv"
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

// AddrError says why a server can't listen on an address, and what to do about it.
type AddrError struct {
	Server string // Redis or MongoDB
	Addr   string
	// Malformed means that Addr is not a host:port.
	Malformed bool
	Advice    string
	Err       error
}

func (e *AddrError) Error() string {
	return fmt.Sprintf("embedded %s cannot listen on %q: %s", e.Server, e.Addr, e.Advice)
}

// Unwrap returns the error of the operating system.
func (e *AddrError) Unwrap() error { return e.Err }

func listenError(server, addr string, err error) error {
	e := &AddrError{Server: server, Addr: addr, Err: err}
	var malformed *net.AddrError
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		e.Advice = "the port is in use: stop the other program, or use another port (0 means any free one)"
	case errors.Is(err, os.ErrPermission):
		e.Advice = "the port is privileged: use one above 1023 (0 means any free one)"
	case errors.As(err, &malformed), portOf(addr) < 0:
		e.Malformed = true
		e.Advice = "want host:port, for example 127.0.0.1:0 for any free port"
	case errors.As(err, &dns), errors.Is(err, syscall.EADDRNOTAVAIL):
		e.Advice = "the host is not this machine: use for example 127.0.0.1:0 for any free port"
	default:
		e.Advice = fmt.Sprintf("use an address of this machine, for example 127.0.0.1:0 for any free port: %v", err)
	}
	return e
}

// portOf returns the port of a host:port, or -1 if it is not a number.
func portOf(addr string) int {
	_, port, _ := net.SplitHostPort(addr)
	n, err := strconv.Atoi(port)
	if err != nil {
		return -1
	}
	return n
}
