package env

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/embedded"
	"ingestion/internal/test/env/servers"
	"ingestion/internal/test/need"
	"ingestion/internal/test/proc"
)

// startTimeout bounds the start and the shutdown of a server. It is long
// because a machine that runs many tests is slow.
const startTimeout = 30 * time.Second

// RedisServer is a Redis of the test's own.
type RedisServer struct {
	// Addr returns the host and port, which stay the same across Stop and
	// Start.
	Addr string

	t      testing.TB
	bin    string // "" if it is miniredis
	dir    string
	config redisConfig
	proc   *Proc // nil while the server is down
}

// Redis starts a redis-server with an append-only file that is synced at every
// write. Without redis-server the test is skipped, or fails if CI is set.
func Redis(t testing.TB, options ...RedisOption) *RedisServer {
	t.Helper()
	bin, err := redisBinary()
	if err != nil {
		note(t, servers.Missing)
		need.Skip(t, "needs redis-server: install it, or name it in REDIS_SERVER_BIN (%v)", err)
	}
	note(t, servers.LocalRedis)
	return localServer(t, bin, options)
}

// AnyRedis is Redis if there is a redis-server. Otherwise it starts a
// miniredis, which cannot be stopped and ignores options.
func AnyRedis(t testing.TB, options ...RedisOption) *RedisServer {
	t.Helper()
	server := anyRedis(t, options)
	note(t, server.kind())
	return server
}

func anyRedis(t testing.TB, options []RedisOption) *RedisServer {
	t.Helper()
	if bin, err := redisBinary(); err == nil {
		return localServer(t, bin, options)
	}
	server, err := embedded.StartRedis(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return &RedisServer{Addr: server.Addr(), t: t}
}

// kind is the server as the tally names it.
func (s *RedisServer) kind() servers.Server {
	if s.bin == "" {
		return servers.EmbeddedRedis
	}
	return servers.LocalRedis
}

// redisBinary returns the path of redis-server.
func redisBinary() (string, error) {
	if bin := os.Getenv("REDIS_SERVER_BIN"); bin != "" {
		return exec.LookPath(bin)
	}
	return exec.LookPath("redis-server")
}

func localServer(t testing.TB, bin string, options []RedisOption) *RedisServer {
	t.Helper()
	s := &RedisServer{t: t, bin: bin, dir: dataDir(t), config: newRedisConfig(options)}
	const tries = 5 // another program may take the free port before the server does
	for range tries {
		s.Addr = freeAddr(t)
		if s.launch() {
			return s
		}
	}
	t.Fatalf("redis-server did not start on any of %d ports\n%s", tries, s.proc.tail())
	return nil
}

func freeAddr(t testing.TB) string {
	t.Helper()
	addr, err := proc.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// launch starts the program and reports whether it accepts connections; it does
// not if its port is taken. The log tells: a PING might be answered by another
// server on that port.
func (s *RedisServer) launch() bool {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.Addr)
	file := filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(file, []byte(s.config.text(port, s.dir)), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.proc = Process(s.t, s.bin, []string{file}, nil, InDir(s.dir))
	line, _, err := s.proc.stdout.wait(0, startTimeout, func(line string) bool {
		return strings.Contains(line, "Ready to accept connections") || strings.Contains(line, "Address already in use")
	})
	if err != nil {
		s.t.Fatalf("redis-server is not ready: %v\n%s", err, s.proc.tail())
	}
	if !strings.Contains(line, "Ready") {
		return false
	}
	s.awaitPing()
	return true
}

func (s *RedisServer) awaitPing() {
	s.t.Helper()
	client := redis.NewClient(s.options())
	defer client.Close()
	Eventually(s.t, startTimeout, func() (bool, string) {
		err := client.Ping(s.t.Context()).Err()
		refused := redis.IsAuthError(err) || redis.IsPermissionError(err)
		return err == nil || refused, "redis-server does not answer PING"
	})
}

// URL returns the value of REDIS_URL for the server, with its password.
func (s *RedisServer) URL() string { return redisURL(s.Addr, s.config.password()) }

// Client returns a new client of the server, which is closed when the test
// ends.
func (s *RedisServer) Client(t testing.TB) *redis.Client {
	t.Helper()
	return newClient(t, s.options())
}

func (s *RedisServer) options() *redis.Options {
	return &redis.Options{Addr: s.Addr, Password: s.config.password()}
}

func newClient(t testing.TB, options *redis.Options) *redis.Client {
	t.Helper()
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() }) // the test may have closed it itself
	return client
}

// Stop shuts the server down by SIGTERM and waits for its exit. Port and data
// are kept for Start.
func (s *RedisServer) Stop() {
	s.t.Helper()
	s.running("Stop").Signal(syscall.SIGTERM)
	s.proc.Wait(startTimeout)
	s.proc = nil
}

// Kill kills the server and waits for its exit. Port and data are kept for
// Start.
func (s *RedisServer) Kill() {
	s.t.Helper()
	s.running("Kill").Kill()
	s.proc = nil
}

// Start restarts the server after Stop or Kill, on the same port and data.
func (s *RedisServer) Start() {
	s.t.Helper()
	s.real("Start")
	if s.proc != nil {
		s.t.Fatal("Start: this redis-server is already running")
	}
	if !s.launch() {
		s.t.Fatalf("Start: another program has taken %s", s.Addr)
	}
}

// PID returns the server's process ID.
func (s *RedisServer) PID() int {
	s.t.Helper()
	return s.running("PID").PID()
}

func (s *RedisServer) running(call string) *Proc {
	s.t.Helper()
	s.real(call)
	if s.proc == nil {
		s.t.Fatalf("%s: this redis-server is down", call)
	}
	return s.proc
}

func (s *RedisServer) real(call string) {
	s.t.Helper()
	if s.bin == "" {
		s.t.Fatalf("%s: this is a miniredis; a test that stops its server must use env.Redis", call)
	}
}
