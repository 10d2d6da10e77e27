package system

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"ingestion/internal/test/proc"
)

const startLimit = 60 * time.Second

// Server is a Redis or a MongoDB: a process that can be restarted on the same port
// and data.
type Server struct {
	Addr string

	dir, name, bin string
	args, env      []string
	ready          string // printed when it accepts connections
	proc           *program
}

// NewRedis returns a Redis that syncs each write before it acknowledges it. Its
// wall clock is clock, unless that is nil.
func NewRedis(dir string, clock *Clock) (*Server, error) {
	bin := os.Getenv("REDIS_SERVER_BIN")
	if bin == "" {
		bin = "redis-server"
	}
	bin, err := exec.LookPath(bin)
	if err != nil {
		return nil, fmt.Errorf("install redis-server or set REDIS_SERVER_BIN to its path: %w", err)
	}
	addr, err := proc.FreeAddr()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "redis")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(addr)
	config := fmt.Sprintf("bind %s\nport %s\ndir %s\nsave \"\"\nappendonly yes\nappendfsync always\ndaemonize no\nlogfile \"\"\n", host, port, data)
	file := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return nil, err
	}
	s := &Server{Addr: addr, dir: dir, name: "redis", bin: bin, args: []string{file}, ready: "Ready to accept connections"}
	if clock != nil {
		s.env = clock.env()
	}
	return s, nil
}

// NewMongo returns a server that runs bin with args and --addr. bin prints a line
// "ready" and its URI when it accepts connections.
func NewMongo(dir, bin string, args ...string) (*Server, error) {
	addr, err := proc.FreeAddr()
	if err != nil {
		return nil, err
	}
	return &Server{Addr: addr, dir: dir, name: "mongo", bin: bin, args: append(args, "--addr", addr), ready: "ready mongodb://"}, nil
}

// Start starts the server and waits until it accepts connections.
func (s *Server) Start() error {
	from := fileSize(filepath.Join(s.dir, s.name+".log"))
	p, err := start(s.dir, s.name, s.bin, s.args, s.env)
	if err != nil {
		return err
	}
	s.proc = p
	return p.awaitLine(from, s.ready, startLimit)
}

// Kill sends SIGKILL and waits for the exit.
func (s *Server) Kill() { s.proc.Kill() }

// Stop shuts the server down cleanly: MongoDB by SIGTERM, Redis by SHUTDOWN. Redis'
// SIGTERM handler asks for the time, and libfaketime is not reentrant.
func (s *Server) Stop() error {
	if s.name != "redis" {
		s.proc.signal(syscall.SIGTERM)
	} else if err := sendLine(s.Addr, "SHUTDOWN\r\n"); err != nil {
		return fmt.Errorf("shutting Redis down: %w", err)
	}
	if _, err := s.proc.wait(startLimit); err != nil {
		return fmt.Errorf("shutting %s down: %w", s.name, err)
	}
	return nil
}

func sendLine(addr, line string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte(line))
	return err
}

// Freeze suspends the server until Thaw.
func (s *Server) Freeze() { s.proc.signal(syscall.SIGSTOP) }

// Thaw resumes a frozen server.
func (s *Server) Thaw() { s.proc.signal(syscall.SIGCONT) }

// Refusals is the file that makes internal/test/mongo/lite refuse single documents.
type Refusals string

// Set makes it refuse the documents with this remainder of a hash of their _id,
// each with one of the codes.
func (r Refusals) Set(modulo, remainder int, codes ...int) error {
	text, err := json.Marshal(map[string]any{"modulo": modulo, "remainder": remainder, "codes": codes})
	if err != nil {
		return err
	}
	return writeFile(string(r), text)
}

// Clear makes it accept all documents again.
func (r Refusals) Clear() error {
	if err := os.Remove(string(r)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
