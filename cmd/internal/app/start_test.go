package app_test

import (
	"bytes"
	"cmp"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/internal/test/env"
)

func TestMain(m *testing.M) { env.Main(m) }

const startSoon = 30 * time.Second

// nowhere returns an address at which nothing listens.
func nowhere(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// lines is a log in memory. It is safe for concurrent use.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startError starts a worker without a MongoDB. It returns the log and the error.
func startError(t *testing.T, vars map[string]string) (string, error) {
	t.Helper()
	all := map[string]string{"MONGO_URI": "mongodb://" + nowhere(t), "STARTUP_TIMEOUT_SEC": "15"}
	for name, value := range vars {
		all[name] = value
	}
	cfg, err := config.Parse(all)
	if err != nil {
		t.Fatal(err)
	}
	var log lines
	w, err := app.NewWorker(t.Context(), cfg, slog.New(slog.NewJSONHandler(&log, nil)), func() error { return nil }, nil)
	if err == nil {
		w.Close()
		t.Fatal("the worker started without MongoDB")
	}
	return log.String(), err
}

func wantStartError(t *testing.T, vars map[string]string, code int, phrases ...string) {
	t.Helper()
	_, err := startError(t, vars)
	if got := app.ExitCode(err); got != code {
		t.Errorf("exit code %d, want %d", got, code)
	}
	for _, phrase := range phrases {
		if !strings.Contains(err.Error(), phrase) {
			t.Errorf("%q is not in %q", phrase, err)
		}
	}
}

var bothModes = []string{config.ModeList, config.ModeStream}

func TestAClusterNeedsItsScheme(t *testing.T) {
	server := env.Redis(t, clusterNode(t))
	admin := server.Client(t)
	for _, mode := range bothModes {
		vars := map[string]string{"REDIS_URL": server.URL(), "QUEUE_MODE": mode}
		wantStartError(t, vars, 2, "REDIS_URL: this Redis is a node of a Cluster", "redis+cluster://")
	}
	wantStartError(t, map[string]string{"REDIS_URL": "redis://" + server.Addr + "/1"}, 2, "REDIS_URL: ", "is a node of a Cluster")

	// A user without the right to INFO finds out by the first key of another node.
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "blind", "on", "nopass", "~*", "+@all", "-info").Err(); err != nil {
		t.Fatal(err)
	}
	if err := admin.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	other := clusterWithSlots(t, server)
	wantStartError(t, map[string]string{"REDIS_URL": "redis://blind:x@" + other}, 2, "REDIS_URL: this Redis is a node of a Cluster")

	wantStartError(t, map[string]string{"REDIS_URL": "redis+cluster://" + other, "STARTUP_TIMEOUT_SEC": "1"}, 1, "MONGO_URI")
	_, err := startError(t, map[string]string{"REDIS_URL": "redis+cluster://" + other, "STARTUP_TIMEOUT_SEC": "1"})
	if strings.Contains(err.Error(), "REDIS_URL") {
		t.Errorf("with the scheme of a Cluster: %v", err)
	}
}

func TestTheSchemeOfAClusterNeedsACluster(t *testing.T) {
	server := env.Redis(t)
	wantStartError(t, map[string]string{"REDIS_URL": "redis+cluster://" + server.Addr}, 2, "REDIS_URL: ", "is no Cluster")
}

func clusterNode(t *testing.T) env.RedisOption {
	t.Helper()
	_, bus, _ := net.SplitHostPort(nowhere(t))
	return env.WithConfig("cluster-enabled", "yes", "cluster-port", bus, "appendonly", "no", "maxmemory-policy", "allkeys-lru")
}

// clusterWithSlots adds a node without hash slots to the one that has all. It returns its address.
func clusterWithSlots(t *testing.T, first *env.RedisServer) string {
	t.Helper()
	_, bus, _ := net.SplitHostPort(nowhere(t))
	second := env.Redis(t, env.WithConfig("cluster-enabled", "yes", "cluster-port", bus))
	host, port, _ := net.SplitHostPort(second.Addr)
	if err := first.Client(t).Do(t.Context(), "CLUSTER", "MEET", host, port, bus).Err(); err != nil {
		t.Fatal(err)
	}
	client := second.Client(t)
	if err := client.Do(t.Context(), "ACL", "SETUSER", "blind", "on", "nopass", "~*", "+@all", "-info").Err(); err != nil {
		t.Fatal(err)
	}
	env.Eventually(t, startSoon, func() (bool, string) {
		info := client.ClusterInfo(t.Context()).Val()
		return strings.Contains(info, "cluster_state:ok"), info
	})
	return second.Addr
}

func TestAUserWithoutARight(t *testing.T) {
	server := env.Redis(t)
	admin := server.Client(t)
	for name, c := range map[string]struct {
		rights  []any
		mode    string
		phrases []string
	}{
		"TYPE in list mode":   {[]any{"~*", "+@all", "-type"}, "list", []string{"REDIS_URL", "TYPE", "+type", "ingest:queue"}},
		"TYPE in stream mode": {[]any{"~*", "+@all", "-type"}, "stream", []string{"REDIS_URL", "TYPE", "+type", "ingest:stream"}},
		"TYPE and PING":       {[]any{"~*", "+info"}, "list", []string{"REDIS_URL", "TYPE"}},
		"the keys":            {[]any{"~other*", "+@all"}, "list", []string{"REDIS_URL", "key", "ingest:queue"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]any{"ACL", "SETUSER", "role", "reset", "on", ">pw"}, c.rights...)
			if err := admin.Do(t.Context(), args...).Err(); err != nil {
				t.Fatal(err)
			}
			vars := map[string]string{"REDIS_URL": "redis://role:pw@" + server.Addr, "QUEUE_MODE": c.mode, "STREAM_PARTITIONS": "3"}
			wantStartError(t, vars, 2, c.phrases...)
			if _, err := startError(t, vars); strings.Count(err.Error(), "NOPERM") != 1 {
				t.Errorf("want NOPERM once: %v", err)
			}
		})
	}
}

// The stream is opened only once MongoDB answers.
func TestAUserWithoutTheRightToCreateAGroup(t *testing.T) {
	server := env.Redis(t)
	if err := server.Client(t).Do(t.Context(), "ACL", "SETUSER", "role", "on", ">pw", "~*", "+@all", "-xgroup").Err(); err != nil {
		t.Fatal(err)
	}
	wantStartError(t, map[string]string{
		"REDIS_URL": "redis://role:pw@" + server.Addr, "QUEUE_MODE": "stream", "MONGO_URI": env.Mongo(t).URI(),
	}, 2, "REDIS_URL", "lacks")
}

// startSentinel returns the address of a Sentinel that monitors no master.
func startSentinel(t *testing.T) string {
	t.Helper()
	_ = env.Redis(t) // skips or fails where there is no redis-server
	bin := cmp.Or(os.Getenv("REDIS_SERVER_BIN"), "redis-server")
	addr := nowhere(t)
	_, port, _ := net.SplitHostPort(addr)
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(file, []byte("bind 127.0.0.1\nport "+port+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env.Process(t, bin, []string{file, "--sentinel"}, nil)
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	env.Eventually(t, startSoon, func() (bool, string) {
		return client.Ping(t.Context()).Err() == nil, "the Sentinel does not answer"
	})
	return addr
}

func TestAnUnknownSentinelMaster(t *testing.T) {
	sentinel := startSentinel(t)
	wantStartError(t, map[string]string{"REDIS_URL": "redis+sentinel://" + sentinel + "/primary", "STARTUP_TIMEOUT_SEC": "1"}, 1,
		"REDIS_URL", `no master named "primary"`, "STARTUP_TIMEOUT_SEC")
}

func TestTLSToAPlainRedis(t *testing.T) {
	server := env.Redis(t)
	wantStartError(t, map[string]string{"REDIS_URL": "rediss://" + server.Addr, "STARTUP_TIMEOUT_SEC": "600"}, 2,
		"REDIS_URL: there is no TLS at "+server.Addr)
	_, err := startError(t, map[string]string{"REDIS_URL": "rediss://" + nowhere(t), "STARTUP_TIMEOUT_SEC": "1"})
	if strings.Contains(err.Error(), "TLS") {
		t.Errorf("nothing listens, but the error blames TLS: %v", err)
	}
}

// The check is repeated, because the Cluster lacks the hash slots of the keys.
func TestEachWarningIsLoggedOnce(t *testing.T) {
	server := env.Redis(t, clusterNode(t), env.WithConfig("cluster-require-full-coverage", "no"))
	client := server.Client(t)
	if err := client.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 100).Err(); err != nil {
		t.Fatal(err)
	}
	env.Eventually(t, startSoon, func() (bool, string) {
		info := client.ClusterInfo(t.Context()).Val()
		return strings.Contains(info, "cluster_state:ok"), info
	})
	log, _ := startError(t, map[string]string{"REDIS_URL": "redis+cluster://" + server.Addr, "STARTUP_TIMEOUT_SEC": "2"})
	for _, warning := range []string{"may evict keys", "keeps no append-only file", "CLUSTERDOWN"} {
		if n := strings.Count(log, warning); n != 1 {
			t.Errorf("%q is logged %d times, want once, in\n%s", warning, n, log)
		}
	}
}

// Once a snapshot has failed, here because the directory is missing, Redis answers PING with
// an error.
func TestARedisThatCanNotSave(t *testing.T) {
	server := env.Redis(t, env.WithConfig("save", "3600 1", "appendonly", "no", "enable-protected-configs", "yes"))
	client := server.Client(t)
	gone := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := client.ConfigSet(t.Context(), "dir", gone).Err(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	env.Eventually(t, startSoon, func() (bool, string) {
		_ = client.BgSave(t.Context()).Err()
		err := client.Ping(t.Context()).Err()
		return redis.HasErrorPrefix(err, "MISCONF"), "Redis can save"
	})
	for _, mode := range bothModes {
		_, err := startError(t, map[string]string{"REDIS_URL": server.URL(), "QUEUE_MODE": mode, "STARTUP_TIMEOUT_SEC": "1"})
		if code := app.ExitCode(err); code != 1 || !strings.Contains(err.Error(), "REDIS_URL") || !strings.Contains(err.Error(), "to disk") || strings.Contains(err.Error(), "no Redis answers") {
			t.Errorf("exit code %d: %v", code, err)
		}
	}
}
