package env

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"testing"
)

// TLS has the server be reached by TLS too, with a certificate, and returns the
// address. It wants certificates of its clients, of the authority. An authority of nil
// wants none. The files are read again for each connection.
func (s *MongoServer) TLS(t testing.TB, authority *Authority, own Pair) (addr string) {
	t.Helper()
	return TLSBefore(t, s.addr, authority, own)
}

// TLSBefore is TLS for any server at an address.
func TLSBefore(t testing.TB, server string, authority *Authority, own Pair) (addr string) {
	t.Helper()
	load := func(*tls.ClientHelloInfo) (*tls.Config, error) { return serverTLS(authority, own) }
	if _, err := load(nil); err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetConfigForClient: load})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go forward(conn.(*tls.Conn), server)
		}
	}()
	return listener.Addr().String()
}

func serverTLS(authority *Authority, own Pair) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(own.Cert, own.Key)
	if err != nil || authority == nil {
		return &tls.Config{Certificates: []tls.Certificate{pair}}, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool()}
	pem, err := os.ReadFile(authority.File)
	if err == nil && !config.ClientCAs.AppendCertsFromPEM(pem) {
		err = errors.New("no certificate in " + authority.File)
	}
	return config, err
}

// forward joins a connection with one to a server until one of both ends.
func forward(client *tls.Conn, addr string) {
	defer client.Close()
	if client.Handshake() != nil {
		return
	}
	server, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	done := make(chan struct{}, 2)
	join := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		done <- struct{}{}
	}
	go join(server, client)
	go join(client, server)
	<-done
	_ = server.Close()
}
