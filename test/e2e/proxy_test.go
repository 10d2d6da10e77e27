package e2e_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// valve passes connections on to a server. Shut, it takes what clients send
// and keeps it back; what the server sends always passes.
type valve struct {
	addr, server string

	mu     sync.Mutex
	closed bool
	ready  chan struct{} // closed while the valve is open
	conns  map[net.Conn]struct{}
	pumps  sync.WaitGroup
}

func newValve(t *testing.T, server string) *valve {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &valve{addr: l.Addr().String(), server: server, ready: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	close(v.ready)
	v.pumps.Go(func() { v.accept(l) })
	t.Cleanup(func() {
		_ = l.Close()
		v.mu.Lock()
		v.closed = true
		v.mu.Unlock()
		v.cut()
		v.open()
		v.pumps.Wait()
	})
	return v
}

func (v *valve) accept(l net.Listener) {
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

// pass copies what a client sends, when the valve is open.
func (v *valve) pass(server io.Writer, client io.Reader) {
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

// keep lists connections for cut, or closes them if the valve is gone.
func (v *valve) keep(conns ...net.Conn) bool {
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

func (v *valve) drop(conns ...net.Conn) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
		delete(v.conns, c)
	}
}

// cut breaks all connections. What was kept back is lost.
func (v *valve) cut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for c := range v.conns {
		_ = c.Close()
	}
}

func (v *valve) shut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ready = make(chan struct{})
}

func (v *valve) open() {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-v.ready:
	default:
		close(v.ready)
	}
}
