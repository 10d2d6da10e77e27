package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ingestion/internal/test/env"
)

// The client of Redis tries to dial once a second until it is closed, and looks only then.
func TestMain(m *testing.M) {
	env.Main(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// started runs the console until the test ends, and returns its address.
func started(t *testing.T) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	log, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, out)
		done <- errors.Join(err, out.CloseWithError(io.EOF))
		close(done)
	}()
	address := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(log); lines.Scan(); {
			var line struct{ Msg, Event, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Address != "" {
				address <- line.Address
			}
		}
		close(address)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	found, ok := <-address
	if !ok {
		t.Fatalf("the console did not start: %v", <-done)
	}
	return found
}

func page(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%s", address, answer.Status, err, text)
	}
	http.DefaultClient.CloseIdleConnections()
	return string(text)
}

// The console starts without Redis, without the servers of a mongodb+srv address and without the archive, and says so. It
// finds the archive when that is there.
func TestTheConsoleStartsWithoutItsServers(t *testing.T) {
	vault := filepath.Join(t.TempDir(), "vault")
	for name, value := range map[string]string{
		"REDIS_URL": "redis://127.0.0.1:1/0", "MONGO_URI": "mongodb+srv://nothing.invalid/", "ARCHIVE_URL": "file://" + vault,
		"QUEUE_MODE": "stream", "CONSOLE_ADDR": "127.0.0.1:0", "LOG_FORMAT": "json",
	} {
		t.Setenv(name, value)
	}
	address := started(t)
	for path, words := range map[string][]string{
		"":        {"connection refused", "MONGO_URI: the servers in the connection string can&#39;t be found"},
		"archive": {"the archive can&#39;t be opened", "MONGO_URI: the servers in the connection string can&#39;t be found"},
	} {
		for _, w := range words {
			env.Eventually(t, 30*time.Second, func() (bool, string) { // DNS may be slow, for which the rest does not wait
				got := page(t, address+path)
				return strings.Contains(got, w), "/" + path + " lacks " + w + ":\n" + got
			})
		}
	}
	if err := os.Mkdir(vault, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := page(t, address+"archive"); strings.Contains(got, "can&#39;t be opened") || !strings.Contains(got, "nothing is archived") {
		t.Errorf("with an archive:\n%s", got)
	}
}

// Settings that no time mends are an error at once.
func TestTheConsoleRefusesWrongSettings(t *testing.T) {
	t.Setenv("QUEUE_MODE", "stream")
	t.Setenv("CONSOLE_ADDR", "127.0.0.1:0")
	for name, value := range map[string]string{"ARCHIVE_URL": "http://bucket", "MONGO_URI": "mongodb://h/?w=0"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			if err := run(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%v", err)
			}
		})
	}
}
