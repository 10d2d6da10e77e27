package env

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// Cutter makes connections that break instead of delivering the reply to a
// command that the server has executed. Safe for concurrent use.
type Cutter struct {
	mu      sync.Mutex
	command []byte
	cuts    int
}

// Cut cuts the replies to the next commands that contain a word, given in lower
// case; times is how many.
func (c *Cutter) Cut(command string, times int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.command, c.cuts = []byte(command), times
}

// Left returns how many replies are still to be cut.
func (c *Cutter) Left() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cuts
}

func (c *Cutter) hits(sent []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cuts == 0 || !bytes.Contains(bytes.ToLower(sent), c.command) {
		return false
	}
	c.cuts--
	return true
}

// Dial is a Dialer for redis.Options.
func (c *Cutter) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: conn, cutter: c}, nil
}

type cutConn struct {
	net.Conn
	cutter *Cutter
	cut    atomic.Bool
}

func (c *cutConn) Write(p []byte) (int, error) {
	if c.cutter.hits(p) {
		c.cut.Store(true)
	}
	return c.Conn.Write(p)
}

// Read waits for the reply, so that the command is executed.
func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil && c.cut.Load() {
		_ = c.Conn.Close()
		return 0, io.EOF
	}
	return n, err
}
