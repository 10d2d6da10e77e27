package e2e_test

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
)

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

// wantRefusal waits for the exit and checks standard error.
func wantRefusal(t *testing.T, p *env.Proc, code int, phrases ...string) {
	t.Helper()
	if got := p.Wait(soon); got != code {
		t.Errorf("exit code %d, want %d", got, code)
	}
	for _, phrase := range phrases {
		if !strings.Contains(p.Stderr(), phrase) {
			t.Errorf("%q is not in the message:\n%s", phrase, p.Stderr())
		}
	}
}

func TestAllSettingsAreCheckedAtOnce(t *testing.T) {
	t.Parallel()
	p := run(t, []string{
		"QUEUE_MODE=queue", "REDIS_URL=http://x", "MONGO_URI=mongo", "BATCH_SIZE=many", "WORKER_CONCURRENCY=0",
		"RATE_LIMIT_LIMIT=-1", "RATE_LIMIT_WINDOW_SEC=0", "LOG_LEVEL=LOUD", "QUEUE_KEY={x}", "WORKER_MAX_MESSAGES=-2",
		"STREAM_RETENTION=long", "DEAD_LETTERS=off", "RATE_LIMIT_POLICY=dead-letter",
	})
	wantRefusal(t, p, 2, "QUEUE_MODE", "REDIS_URL", "MONGO_URI", "BATCH_SIZE", "WORKER_CONCURRENCY", "RATE_LIMIT_LIMIT",
		"RATE_LIMIT_WINDOW_SEC", "LOG_LEVEL", "QUEUE_KEY", "WORKER_MAX_MESSAGES", "STREAM_RETENTION", "DEAD_LETTERS")
	if len(p.Lines()) != 0 {
		t.Errorf("it printed %q", p.Lines())
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"work"}, {"--fast"}, {"config", "x"}} {
		p := env.Process(t, env.Build(t, "ingestion/cmd/worker"), args, nil)
		wantRefusal(t, p, 2, args[len(args)-1])
	}
}

func TestWrongTypeOfKey(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		r := newHarness(t, mode)
		if err := r.client.Set(t.Context(), r.key(), "x", 0).Err(); err != nil {
			t.Fatal(err)
		}
		variable := map[string]string{list: "QUEUE_KEY", stream: "STREAM_KEY"}[mode]
		wantRefusal(t, r.launch(), 2, variable, r.key(), "string", mode)
		if got := r.client.Get(t.Context(), r.key()).Val(); got != "x" {
			t.Errorf("the key now holds %q", got)
		}
	})
}

const secret = "open-sesame-4711"

func wantNoSecret(t *testing.T, p *env.Proc) {
	t.Helper()
	if out := strings.Join(p.Lines(), "\n") + p.Stderr(); strings.Contains(out, secret) {
		t.Errorf("the password is in the output:\n%s", out)
	}
}

// TestWrongPassword checks that the worker exits at once, even if another
// server is down.
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	server := env.Redis(t, env.WithConfig("requirepass", "another"))
	nobody := "mongodb://" + nowhere(t) + "/"
	for name, url := range map[string]string{
		"wrong":   "redis://:" + secret + "@" + server.Addr + "/0",
		"user":    "redis://somebody:" + secret + "@" + server.Addr + "/0",
		"missing": "redis://" + server.Addr + "/0",
	} {
		t.Run(name, func(t *testing.T) {
			p := run(t, settings(stream, url, nobody))
			wantRefusal(t, p, 2, "REDIS_URL", "password")
			wantNoSecret(t, p)
		})
	}
}

func TestRightPasswordIsNotShown(t *testing.T) {
	t.Parallel()
	server := env.Redis(t, env.WithConfig("requirepass", secret))
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mongo := env.Mongo(t)
	for name, environ := range map[string][]string{
		"URL":  {"REDIS_URL=" + server.URL()},
		"file": {"REDIS_URL=redis://" + server.Addr, "REDIS_PASSWORD_FILE=" + file},
	} {
		t.Run(name, func(t *testing.T) {
			f := simple(12, 10)
			r := harnessOn(t, list, server, mongo, append(environ, "LOG_LEVEL=DEBUG", "WORKER_MAX_MESSAGES=10")...)
			r.feed(f)
			p := r.launch()
			r.wantExit(p, 0)
			wantNoSecret(t, p)
		})
	}
}

// TestUnreachable checks that the message names every server that is down,
// without passwords.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	redisURL := "redis://:" + secret + "@" + nowhere(t) + "/0"
	mongoURI := "mongodb://me:" + secret + "@" + nowhere(t) + "/"
	r := newHarness(t, stream)
	for name, c := range map[string]struct {
		redisURL, mongoURI string
		phrases            []string
	}{
		"Redis":   {redisURL, r.mongo.URI(), []string{"REDIS_URL", "STARTUP_TIMEOUT_SEC"}},
		"MongoDB": {r.redis.URL(), mongoURI, []string{"MONGO_URI", "STARTUP_TIMEOUT_SEC"}},
		"both":    {redisURL, mongoURI, []string{"REDIS_URL", "MONGO_URI"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := run(t, append(settings(stream, c.redisURL, c.mongoURI), "STARTUP_TIMEOUT_SEC=1"))
			wantRefusal(t, p, 1, c.phrases...)
			wantNoSecret(t, p)
		})
	}
}

// TestVersionIsLogged compares worker_started with --version.
func TestVersionIsLogged(t *testing.T) {
	t.Parallel()
	asked := env.Process(t, worker(t), []string{"--version"}, nil)
	if code := asked.Wait(soon); code != 0 || len(asked.Lines()) != 1 {
		t.Fatalf("exit code %d, %q", code, asked.Lines())
	}
	p := newHarness(t, list).launch()
	line := p.WaitForLine(soon, event("worker_started"))
	var started struct{ Version string }
	if err := json.Unmarshal([]byte(line), &started); err != nil {
		t.Fatal(err)
	}
	if want := "worker " + started.Version; started.Version == "" || asked.Lines()[0] != want {
		t.Errorf("--version prints %q, the log has %q", asked.Lines()[0], started.Version)
	}
}

// TestServersComeUpLate starts the worker before its servers.
func TestServersComeUpLate(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		f := simple(13, 50)
		r := newRestartableHarness(t, mode)
		r.redis.Stop()
		r.mongo.Kill()
		worker := r.launch()
		worker.WaitForLine(soon, retrying("Redis", "error"))
		worker.WaitForLine(soon, retrying("MongoDB", "error"))
		r.redis.Start()
		r.mongo.Start()
		worker.WaitForLine(soon, event("worker_started"))
		r.feed(f)
		r.awaitOutcomes(len(f.records))
		r.stop(worker)
		r.wantLog(f)
		r.wantDocuments(f)
	})
}

// TestSIGTERMWhileWaiting stops a worker that waits for its servers.
func TestSIGTERMWhileWaiting(t *testing.T) {
	t.Parallel()
	p := run(t, settings(list, "redis://"+nowhere(t), "mongodb://"+nowhere(t)))
	p.WaitForLine(soon, retrying("Redis", "error"))
	p.WaitForLine(soon, retrying("MongoDB", "error"))
	p.Signal(os.Interrupt)
	wantRefusal(t, p, 0)
}

// TestOtherServiceGroup checks that a worker refuses a stream whose ledger
// belongs to another group.
func TestOtherServiceGroup(t *testing.T) {
	t.Parallel()
	r := newHarness(t, stream)
	r.stop(r.start())
	wantRefusal(t, r.launch("STREAM_GROUP=others"), 2, "STREAM_GROUP", group, "others")
	groups, err := r.client.XInfoGroups(t.Context(), streamKey).Result()
	if err != nil || len(groups) != 1 {
		t.Errorf("the groups are %v (%v)", groups, err)
	}
	if err := r.client.XAdd(t.Context(), &redis.XAddArgs{Stream: streamKey, Values: []any{"data", "{}"}}).Err(); err != nil {
		t.Error(err)
	}
}
