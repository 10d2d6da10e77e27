package system

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const startLimit = 60 * time.Second

// Server is a Redis or a MongoDB: a process whose port and data outlive it.
type Server struct {
	Addr string

	dir, name, bin string
	args, env      []string
	ready          string // what it prints once it serves
	proc           *program
}

// NewRedis writes a configuration under which what is acknowledged is on the
// disk, or what passes for one. It lives by the clock, if there is one.
func NewRedis(dir string, clock *Clock) (*Server, error) {
	bin := os.Getenv("REDIS_SERVER_BIN")
	if bin == "" {
		bin = "redis-server"
	}
	bin, err := exec.LookPath(bin)
	if err != nil {
		return nil, fmt.Errorf("a real Redis is needed: install redis-server or name it by REDIS_SERVER_BIN: %w", err)
	}
	addr, err := freeAddr()
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

// NewMongo is a server that bin makes, called with args and --addr, which prints
// a line "ready".
func NewMongo(dir, bin string, args ...string) (*Server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return &Server{Addr: addr, dir: dir, name: "mongo", bin: bin, args: append(args, "--addr", addr), ready: "ready mongodb://"}, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("no free port on the loopback interface: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Start returns once the server serves.
func (s *Server) Start() error {
	from := fileSize(filepath.Join(s.dir, s.name+".log"))
	p, err := start(s.dir, s.name, s.bin, s.args, s.env)
	if err != nil {
		return err
	}
	s.proc = p
	return p.awaitLine(from, s.ready, startLimit)
}

// Kill ends the server by SIGKILL.
func (s *Server) Kill() { s.proc.Kill() }

// Stop ends the server as an operator does. Redis is told by a command: its
// handler of SIGTERM asks for the time, which libfaketime can't answer amid
// another question.
func (s *Server) Stop() error {
	if s.name != "redis" {
		s.proc.signal(syscall.SIGTERM)
	} else if err := sendLine(s.Addr, "SHUTDOWN\r\n"); err != nil {
		return fmt.Errorf("telling Redis to end: %w", err)
	}
	if _, err := s.proc.wait(startLimit); err != nil {
		return fmt.Errorf("%s after SIGTERM: %w", s.name, err)
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

// Freeze stops the server's time until Thaw.
func (s *Server) Freeze() { s.proc.signal(syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *Server) Thaw() { s.proc.signal(syscall.SIGCONT) }
