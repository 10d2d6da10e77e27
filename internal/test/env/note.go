package env

import (
	"os"
	"testing"

	"ingestion/internal/test/env/servers"
)

// note records that the test uses a server, if TESTENV_TALLY names a file.
func note(t testing.TB, server servers.Server) {
	t.Helper()
	file := os.Getenv("TESTENV_TALLY")
	if file == "" {
		return
	}
	dir, err := os.Getwd() // go test runs a package's tests in its directory
	if err == nil {
		err = servers.Note(file, dir, t.Name(), server)
	}
	if err != nil {
		t.Fatalf("TESTENV_TALLY must name a writable file: %v", err)
	}
}
