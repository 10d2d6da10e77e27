package main_test

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/internal/test/env"
)

const soon = 30 * time.Second

func standalone(t *testing.T, args ...string) *env.Proc {
	t.Helper()
	return env.Process(t, env.Build(t, "ingestion/cmd/standalone"), args, nil)
}

// ready waits for the line "ready" of a server and returns the URL in it.
func ready(t *testing.T, p *env.Proc) string {
	t.Helper()
	line := p.WaitForLine(soon, func(string) bool { return true })
	url, ok := strings.CutPrefix(line, "ready ")
	if !ok {
		t.Fatalf("the first line is %q", line)
	}
	return url
}

func wantCleanShutdown(t *testing.T, p *env.Proc, signal os.Signal) {
	t.Helper()
	p.Signal(signal)
	if code := p.Wait(soon); code != 0 {
		t.Errorf("exit code %d after %v", code, signal)
	}
	if n := len(p.Lines()); n != 1 || p.Stderr() != "" {
		t.Errorf("stdout %q and stderr %q, want only the line ready", p.Lines(), p.Stderr())
	}
}

func TestRedis(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := standalone(t, "redis", "--addr", "127.0.0.1:0")
		options, err := redis.ParseURL(ready(t, p))
		if err != nil {
			t.Fatal(err)
		}
		client := redis.NewClient(options)
		if err := client.Ping(t.Context()).Err(); err != nil {
			t.Error(err)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		wantCleanShutdown(t, p, signal)
	}
}

func TestMongo(t *testing.T) {
	data := t.TempDir()
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := standalone(t, "mongo", "--addr", "127.0.0.1:0", "--data", data)
		client, err := mongo.Connect(options.Client().ApplyURI(ready(t, p)))
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Ping(t.Context(), nil); err != nil {
			t.Error(err)
		}
		if err := client.Disconnect(t.Context()); err != nil {
			t.Error(err)
		}
		wantCleanShutdown(t, p, signal)
	}
}

func TestSecondSignalExitsAtOnce(t *testing.T) {
	p := standalone(t, "mongo", "--addr", "127.0.0.1:0", "--data", t.TempDir())
	client, err := mongo.Connect(options.Client().ApplyURI(ready(t, p)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(t.Context()) }()
	if err := client.Ping(t.Context(), nil); err != nil { // the server waits for connected clients
		t.Fatal(err)
	}
	p.Signal(syscall.SIGTERM)
	p.Signal(syscall.SIGINT)
	if code := p.Wait(soon); code != 128+int(syscall.SIGINT) && code != 128+int(syscall.SIGTERM) {
		t.Errorf("exit code %d", code)
	}
}

func TestExitCodes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	for name, c := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		"help":              {[]string{"--help"}, 0, "standalone mongo", ""},
		"help of a command": {[]string{"mongo", "--help"}, 0, "--data", ""},
		"no command":        {nil, 0, "Available Commands", ""},
		"unknown command":   {[]string{"rediss"}, 2, "", "standalone --help"},
		"unknown flag":      {[]string{"redis", "--adr", "x"}, 2, "", "standalone redis --help"},
		"surplus argument":  {[]string{"redis", "x"}, 2, "", "standalone redis --help"},
		"redis, port taken": {[]string{"redis", "--addr", taken}, 1, "", "port is in use"},
		"mongo, port taken": {[]string{"mongo", "--addr", taken}, 1, "", "port is in use"},
	} {
		t.Run(name, func(t *testing.T) {
			p := standalone(t, c.args...)
			if code := p.Wait(soon); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if out := strings.Join(p.Lines(), "\n"); !strings.Contains(out, c.stdout) {
				t.Errorf("standard output is %q, want %q in it", out, c.stdout)
			}
			if !strings.Contains(p.Stderr(), c.stderr) || (c.stderr == "" && p.Stderr() != "") {
				t.Errorf("standard error is %q, want %q in it", p.Stderr(), c.stderr)
			}
		})
	}
}

func TestWarnsAboutPublicAddress(t *testing.T) {
	p := standalone(t, "redis", "--addr", "0.0.0.0:0")
	ready(t, p)
	p.Signal(syscall.SIGTERM)
	p.Wait(soon)
	if !strings.Contains(p.Stderr(), "requires no password") {
		t.Errorf("standard error is %q, want a warning", p.Stderr())
	}
}
