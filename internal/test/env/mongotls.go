package env

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"testing"
)

// TLS has the server be reached by TLS too, with a certificate, and returns the
// address. It wants certificates of its clients, of the authority. An authority of nil
// wants none.
func (s *MongoServer) TLS(t testing.TB, authority *Authority, own Pair) (addr string) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(own.Cert, own.Key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if authority != nil {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		pem, err := os.ReadFile(authority.File)
		if err != nil || !config.ClientCAs.AppendCertsFromPEM(pem) {
			t.Fatalf("the authority's certificate: %v", err)
		}
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
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
			go s.forward(conn.(*tls.Conn))
		}
	}()
	return listener.Addr().String()
}

// forward joins a connection with one to the server until one of both ends.
func (s *MongoServer) forward(client *tls.Conn) {
	defer client.Close()
	if client.Handshake() != nil {
		return
	}
	server, err := net.Dial("tcp", s.addr)
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
