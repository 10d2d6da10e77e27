package faulty

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/internal/test/mongo/wire"
)

// Options of a server.
type Options struct {
	// Addr to listen on; a free loopback port by default.
	Addr string
	// Ferret makes the server behave as a FerretDB: in buildInfo, and in
	// duplicate key errors that name no index.
	Ferret bool
	// Record keeps all commands for Calls.
	Record bool
	// ReplicaSet makes the server a member of the replica set of this name, which waits for
	// replSetInitiate and then has no primary at first. By default it is no member of any.
	ReplicaSet string
	// Journal is a file in which documents survive the process; none by
	// default.
	Journal string
}

// Server is a MongoDB that fails on demand. Safe for concurrent use.
type Server struct {
	opts Options
	addr string

	mu      sync.Mutex
	data    map[string]*collection
	scripts map[string][]Fault
	rules   map[string]func(Call) Fault
	counts  map[string]int
	calls   map[string][]Call
	cursors map[int64][]bson.Raw
	lastID  int64

	password string // see SetPassword

	replicas replicaSet // of Options.ReplicaSet

	journalFile *os.File
	journal     *bufio.Writer

	listener net.Listener // nil while stopped
	stopped  chan struct{}
	conns    map[net.Conn]bool
	wg       sync.WaitGroup
}

// New starts a server. Close ends it.
func New(opts Options) (*Server, error) {
	s := &Server{
		opts: opts, addr: opts.Addr,
		data:    map[string]*collection{},
		scripts: map[string][]Fault{}, rules: map[string]func(Call) Fault{},
		counts: map[string]int{}, calls: map[string][]Call{},
		cursors: map[int64][]bson.Raw{},
		conns:   map[net.Conn]bool{},
	}
	if s.addr == "" {
		s.addr = "127.0.0.1:0"
	}
	if opts.Journal != "" {
		if err := s.openJournal(opts.Journal); err != nil {
			return nil, err
		}
	}
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Serve starts a recording server for one test.
func Serve(t testing.TB, opts Options) *Server {
	t.Helper()
	opts.Record = true
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Addr is host:port, the same for the server's whole life.
func (s *Server) Addr() string { return s.addr }

// URI returns the value of MONGO_URI for the server.
func (s *Server) URI() string { return "mongodb://" + s.addr }

// Start listens again after Stop, on the same port, with the documents it had.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return nil
	}
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("faulty: %w", err)
	}
	s.listener, s.addr, s.stopped = listener, listener.Addr().String(), make(chan struct{})
	s.wg.Add(1)
	go s.accept(listener, s.stopped)
	return nil
}

// Stop closes the port and all connections, as a kill does. Documents are kept.
func (s *Server) Stop() {
	s.mu.Lock()
	if s.listener != nil {
		_ = s.listener.Close()
		s.listener = nil
		close(s.stopped)
	}
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Close stops the server for good.
func (s *Server) Close() error {
	s.Stop()
	if s.journalFile == nil {
		return nil
	}
	return errors.Join(s.journal.Flush(), s.journalFile.Close())
}

func (s *Server) accept(listener net.Listener, stopped chan struct{}) {
	defer s.wg.Done()
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		if !s.register(c, stopped) {
			_ = c.Close()
			return
		}
		go s.serve(c, stopped)
	}
}

func (s *Server) register(c net.Conn, stopped chan struct{}) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-stopped:
		return false
	default:
	}
	s.conns[c] = true
	s.wg.Add(1)
	return true
}

func (s *Server) serve(c net.Conn, stopped chan struct{}) {
	defer s.wg.Done()
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		_ = c.Close()
	}()
	r, state := bufio.NewReaderSize(c, 64<<10), &login{}
	for {
		var m wire.Message // a new one, since calls keep parts of it
		if err := m.Read(r); err != nil {
			return
		}
		documents, err := m.Documents()
		if err != nil {
			return
		}
		reply, then := s.handle(&Call{Name: commandName(m.Body), Body: m.Body, Documents: documents, login: state}, stopped)
		if then == hangUp {
			return
		}
		if then == keepSilent || m.NoReply {
			continue
		}
		if _, err := c.Write(m.Frame(reply)); err != nil {
			return
		}
	}
}

// manner is how a command ends on the connection.
type manner int

const (
	answerIt manner = iota
	keepSilent
	hangUp
)

// handle executes a command with its fault.
func (s *Server) handle(call *Call, stopped <-chan struct{}) (bson.Raw, manner) {
	fault := s.admit(call)
	if fault.Delay > 0 && !pause(fault.Delay, stopped) || fault.CutBefore {
		return nil, hangUp
	}
	reply := s.apply(call, fault)
	switch {
	case fault.CutAfter:
		return nil, hangUp
	case fault.Silent:
		return nil, keepSilent
	case fault.Reply != nil:
		reply = fault.Reply
	}
	raw, err := bson.Marshal(reply)
	if err != nil {
		return nil, hangUp
	}
	return raw, answerIt
}

// pause returns false if the server stops meanwhile.
func pause(d time.Duration, stopped <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-stopped:
		return false
	}
}

func commandName(body bson.Raw) string {
	elements, err := body.Elements()
	if err != nil || len(elements) == 0 {
		return ""
	}
	switch name := elements[0].Key(); name {
	case "isMaster", "ismaster":
		return "hello"
	case "buildinfo":
		return "buildInfo"
	default:
		return name
	}
}
