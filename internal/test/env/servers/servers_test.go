package servers_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ingestion/internal/test/env/servers"
)

func TestSummaryCountsTestsOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tally")
	note := func(dir, test string, server servers.Server) {
		t.Helper()
		if err := servers.Note(file, dir, test, server); err != nil {
			t.Fatal(err)
		}
	}
	note("/a", "TestOne", servers.LocalRedis)
	note("/a", "TestOne/sub", servers.LocalRedis)
	note("/a", "TestOne", servers.EmbeddedMongo)
	note("/b", "TestOne", servers.LocalRedis)
	note("/b", "TestTwo", servers.Missing)

	const want = "tests by server: 2 redis-server (local), 0 redis (container), 0 redis (REDIS_URL), " +
		"0 miniredis (embedded), 0 MongoDB (container), 1 FerretDB (embedded), 0 FerretDB (process), 1 skipped without redis-server"
	if got := summary(t, file); got != want {
		t.Errorf("summary is\n%s\nwant\n%s", got, want)
	}
}

func TestNoteConcurrently(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tally")
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if err := servers.Note(file, "/a", strings.Repeat("x", i+1), servers.LocalRedis); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := summary(t, file); !strings.Contains(got, " 50 redis-server (local)") {
		t.Error(got)
	}
}

func TestSummaryRefusesOtherFiles(t *testing.T) {
	if got, err := servers.Summary(strings.NewReader("anything\n")); err == nil {
		t.Errorf("got %q, want an error", got)
	}
}

func summary(t *testing.T, file string) string {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	line, err := servers.Summary(in)
	if err != nil {
		t.Fatal(err)
	}
	return line
}
