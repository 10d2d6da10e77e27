package e2e_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// proxy forwards connections to a server. While it holds, it reads what clients
// send and forwards it later; what the server sends always passes.
type proxy struct {
	addr, server string

	mu     sync.Mutex
	closed bool
	ready  chan struct{} // closed while nothing is held
	conns  map[net.Conn]struct{}
	pumps  sync.WaitGroup
}

func newProxy(t *testing.T, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &proxy{addr: l.Addr().String(), server: server, ready: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	close(v.ready)
	v.pumps.Go(func() { v.accept(l) })
	t.Cleanup(func() {
		_ = l.Close()
		v.mu.Lock()
		v.closed = true
		v.mu.Unlock()
		v.cut()
		v.release()
		v.pumps.Wait()
	})
	return v
}

func (v *proxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", v.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !v.keep(client, server) {
			return
		}
		v.pumps.Go(func() { v.pass(server, client); v.drop(client, server) })
		v.pumps.Go(func() { _, _ = io.Copy(client, server); v.drop(client, server) })
	}
}

// pass forwards what a client sends, unless the proxy holds it.
func (v *proxy) pass(server io.Writer, client io.Reader) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		v.mu.Lock()
		ready := v.ready
		v.mu.Unlock()
		<-ready
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// keep registers connections for cut, or closes them if the proxy is closed.
func (v *proxy) keep(conns ...net.Conn) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range conns {
		if v.closed {
			_ = c.Close()
		}
		v.conns[c] = struct{}{}
	}
	return !v.closed
}

func (v *proxy) drop(conns ...net.Conn) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
		delete(v.conns, c)
	}
}

// cut breaks all connections. What was held is lost.
func (v *proxy) cut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for c := range v.conns {
		_ = c.Close()
	}
}

func (v *proxy) hold() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ready = make(chan struct{})
}

func (v *proxy) release() {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-v.ready:
	default:
		close(v.ready)
	}
}
