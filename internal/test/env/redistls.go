package env

import (
	"net"
	"testing"

	"github.com/redis/go-redis/v9"
)

// TLS has the server listen for TLS too, with a certificate, and returns the
// address. It wants certificates of its clients, of the authority, as Redis does
// by default. options are further settings by alternating names and values.
func (s *RedisServer) TLS(t testing.TB, authority *Authority, own Pair, options ...string) (addr string) {
	t.Helper()
	s.real("TLS")
	addr = freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	settings := append([]string{"tls-ca-cert-file", authority.File}, options...)
	s.UseCertificate(t, own)
	s.configure(t, append(settings, "tls-port", port)...)
	return addr
}

// UseCertificate gives the server another certificate, for new connections.
func (s *RedisServer) UseCertificate(t testing.TB, own Pair) {
	t.Helper()
	s.configure(t, "tls-cert-file", own.Cert, "tls-key-file", own.Key)
}

// configure sets all at once: a certificate and a key that do not match are
// refused.
func (s *RedisServer) configure(t testing.TB, namesAndValues ...string) {
	t.Helper()
	client := redis.NewClient(s.options())
	defer client.Close()
	args := []any{"CONFIG", "SET"}
	for _, word := range namesAndValues {
		args = append(args, word)
	}
	if err := client.Do(t.Context(), args...).Err(); err != nil {
		t.Fatalf("this redis-server must be built with TLS: %v", err)
	}
}
