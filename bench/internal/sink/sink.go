// Package sink is a server that speaks just enough of MongoDB's wire protocol
// to acknowledge inserts. It counts documents and can remember their _ids, but
// stores none: in a benchmark the store must not be the bottleneck.
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

// Options configures what a sink does apart from counting.
type Options struct {
	// Each, if not nil, is called with every document to be inserted, from one
	// goroutine per connection. It must not keep the document.
	Each func(document []byte)
	// Remember is the expected number of documents whose _ids are remembered:
	// an existing _id is refused as a duplicate and found by lookups. 0
	// remembers none.
	Remember int
}

// Sink acknowledges inserts. Safe for concurrent use.
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
		return nil, fmt.Errorf("the counting sink cannot listen: %w", err)
	}
	s := &Sink{listener: l, each: opts.Each, open: map[net.Conn]struct{}{}}
	if opts.Remember > 0 {
		s.memory = newMemory(opts.Remember)
	}
	s.conns.Go(s.accept)
	return s, nil
}

// URI returns the value of MONGO_URI for the sink.
func (s *Sink) URI() string { return "mongodb://" + s.listener.Addr().String() + "/" }

// Documents returns how many were inserted so far.
func (s *Sink) Documents() int64 { return s.documents.Load() }

// Close closes all connections and waits until all goroutines have ended.
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
			return // the client has disconnected, or is not a MongoDB client
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

var errUnknown = errors.New("not a message of a MongoDB client")
