package redisconn

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"syscall"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/reread"
)

// standIn gives the Sentinels the password that is in the file at the time of each
// login. The library takes a fixed one for them: it gets a random word, which is
// replaced by the password where it is about to be sent.
func standIn(opts *redis.UniversalOptions, file *reread.Value[string]) {
	opts.SentinelPassword = rand.Text() + rand.Text()
	word := bulk(opts.SentinelPassword)
	dial := opts.Dialer
	if dial == nil {
		timeout := cmp.Or(opts.DialTimeout, dialTimeout)
		dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			return dialPlain(ctx, network, addr)
		}
	}
	opts.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		login := &loginConn{Conn: conn, word: word, file: file}
		if raw, ok := conn.(syscall.Conn); ok { // by which the library sees whether it is still open
			return struct {
				*loginConn
				syscall.Conn
			}{login, raw}, nil
		}
		return login, nil
	}
}

// bulk is a string as RESP has it.
func bulk(text string) []byte { return fmt.Appendf(nil, "$%d\r\n%s\r\n", len(text), text) }

// loginConn is a connection to a Sentinel, or to the master, where the word does
// not occur.
type loginConn struct {
	net.Conn
	word []byte
	file *reread.Value[string]
	sent bool // the login is the first that is sent
}

// Write replaces the word in a login.
func (c *loginConn) Write(b []byte) (int, error) {
	if c.sent {
		return c.Conn.Write(b)
	}
	c.sent = true
	if !bytes.Contains(b, c.word) {
		return c.Conn.Write(b)
	}
	password, _ := c.file.Current()
	if _, err := c.Conn.Write(bytes.Replace(b, c.word, bulk(password), 1)); err != nil {
		return 0, err
	}
	return len(b), nil
}
