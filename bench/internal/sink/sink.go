// Package sink is a server that speaks just enough of MongoDB's wire protocol
// to acknowledge inserts. It counts, and where it is told to it remembers which
// _ids are there, but keeps no documents: in a benchmark the store is not to be
// what limits.
package sink

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"ingestion/internal/test/mongo/wire"
)

// Options say what a sink does beyond counting.
type Options struct {
	// Each, where it is not nil, sees every document that is to be inserted. It
	// must not keep it, and is called from one goroutine a connection.
	Each func(document []byte)
	// Remember is of how many documents the _ids are remembered (there may be
	// more): an _id that is there is refused, and found. 0 remembers none.
	Remember int
}

// Sink acknowledges inserts. It is safe for concurrent use.
type Sink struct {
	listener  net.Listener
	documents atomic.Int64
	each      func(document []byte) // may be nil
	memory    *memory               // nil: nothing is remembered
	conns     sync.WaitGroup

	mu   sync.Mutex
	open map[net.Conn]struct{} // nil once closed
}

// Start listens on a free loopback port.
func Start(opts Options) (*Sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the counting sink finds no port: %w", err)
	}
	s := &Sink{listener: l, each: opts.Each, open: map[net.Conn]struct{}{}}
	if opts.Remember > 0 {
		s.memory = newMemory(opts.Remember)
	}
	s.conns.Go(s.accept)
	return s, nil
}

// URI is the sink's address as MONGO_URI takes it.
func (s *Sink) URI() string { return "mongodb://" + s.listener.Addr().String() + "/" }

// Documents is how many were inserted so far.
func (s *Sink) Documents() int64 { return s.documents.Load() }

// Close ends all connections and returns when nothing runs any more.
func (s *Sink) Close() error {
	err := s.listener.Close()
	s.mu.Lock()
	for c := range s.open {
		_ = c.Close()
	}
	s.open = nil
	s.mu.Unlock()
	s.conns.Wait()
	return err
}

func (s *Sink) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.open == nil {
			s.mu.Unlock()
			_ = conn.Close()
			return
		}
		s.open[conn] = struct{}{}
		s.mu.Unlock()
		s.conns.Go(func() { s.serve(conn) })
	}
}

func (s *Sink) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, conn)
	}()
	in := bufio.NewReaderSize(conn, 256<<10)
	var request wire.Message
	for {
		if err := request.Read(in); err != nil {
			return // the client has gone, or is no MongoDB client
		}
		reply, err := s.answer(&request)
		if err != nil {
			return
		}
		if _, err := conn.Write(request.Frame(reply)); err != nil {
			return
		}
	}
}

var errUnknown = errors.New("no message of a MongoDB client")
