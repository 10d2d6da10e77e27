package redisconn

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/tlsfault"
)

// otherProtocol finds a server that speaks plainly where TLS was tried, or the
// reverse. Nil means that there is nothing of the kind.
func otherProtocol(ctx context.Context, opts *redis.UniversalOptions, addr string) *SettingError {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(askWithin))
	switch {
	case opts.TLSConfig != nil && answersPlainly(conn):
		return &SettingError{Setting: settingURL, Problem: "there is no TLS at " + addr + ": write redis instead of rediss, or the port of Redis that has TLS (tls-port)"}
	case opts.TLSConfig == nil && answersByTLS(ctx, conn):
		return &SettingError{Setting: settingURL, Problem: "at " + addr + " TLS is spoken: write rediss instead of redis"}
	}
	return nil
}

// answersPlainly sends what needs no login.
func answersPlainly(conn net.Conn) bool {
	reply := make([]byte, 1)
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	n, _ := conn.Read(reply)
	return n == 1 && (reply[0] == '+' || reply[0] == '-')
}

// answersByTLS believes any certificate, since nothing is sent.
func answersByTLS(ctx context.Context, conn net.Conn) bool {
	err := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx)
	_, refused := tlsfault.Alert(err)
	return err == nil || refused
}
