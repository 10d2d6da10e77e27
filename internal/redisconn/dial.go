package redisconn

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/reread"
	"ingestion/internal/tlsfault"
)

// secure has the client dial by TLS, with the files as they are at the time of
// each dial. Without files the connections are plain.
func secure(opts *redis.UniversalOptions, files *tlsFiles) error {
	if files == nil {
		return nil
	}
	configs, err := reread.New(files.load, nil)
	if err != nil {
		return err
	}
	opts.TLSConfig, _ = configs.Current() // also tells others that there is TLS
	d := &dialer{configs: configs, timeout: cmp.Or(opts.DialTimeout, dialTimeout)}
	opts.Dialer = d.dial
	return nil
}

// dialer makes TLS connections.
type dialer struct {
	configs *reread.Value[*tls.Config]
	timeout time.Duration // for connection and handshake together
}

// dialPlain dials as the library does.
func dialPlain(ctx context.Context, network, addr string) (net.Conn, error) {
	keepAlive := net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 5 * time.Second, Count: 3}
	return (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext(ctx, network, addr)
}

func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	conn, err := dialPlain(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	last, stale := d.configs.Current()
	config, asked := last.Clone(), false
	config.ServerName = cmp.Or(config.ServerName, hostOf(addr))
	if len(config.Certificates) == 0 {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return &tls.Certificate{}, nil
		}
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		if stale != nil {
			return nil, because(stale, err)
		}
		return nil, tlsFault(err, addr, config.ServerName, asked)
	}
	return &firstAnswer{Conn: secured, addr: addr, uncertified: asked}, nil
}

// because names the file that could not be used as the reason of err.
func because(stale, err error) error {
	file := SettingOf(stale)
	if file == nil {
		return err
	}
	return &SettingError{Setting: file.Setting, Problem: file.Problem, Err: err}
}

func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

// firstAnswer is a connection by TLS. By TLS 1.3 a server refuses the client's
// certificate, or that there is none, only after the handshake, when the first
// reply is awaited.
type firstAnswer struct {
	net.Conn
	addr        string
	uncertified bool // the server has asked for a certificate, and there is none
	answered    bool
}

// Read says so if the server refuses.
func (c *firstAnswer) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.answered = c.answered || n > 0; err != nil && !c.answered {
		err = c.refused(err)
	}
	return n, err
}

// Write does too: the refusal may have come before.
func (c *firstAnswer) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err != nil && !c.answered && isClosed(err) {
		if _, why := c.Conn.Read(make([]byte, 1)); why != nil {
			err = why
		}
		err = c.refused(err)
	}
	return n, err
}

// refused explains err. The library takes one layer off an error at the login.
func (c *firstAnswer) refused(err error) error {
	if _, ok := tlsfault.Alert(err); ok {
		return fmt.Errorf("login: %w", tlsFault(err, c.addr, "", c.uncertified))
	}
	if c.uncertified && isClosed(err) {
		const perhaps = "the connection is closed at once, perhaps since Redis wants a client certificate: set " + settingCert + " and " + settingKey
		return fmt.Errorf("login: %w", &plainError{perhaps, err})
	}
	return err
}

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
