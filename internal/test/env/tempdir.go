package env

import (
	"os"
	"testing"
)

// dataDir is an empty folder for a server's files, in memory where the system
// has such a place, so that a test does not wait for the disk.
func dataDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(memoryDir(), "ingestion-test-")
	if err != nil {
		t.Fatalf("no folder for a server's data, set TMPDIR to one that can be written: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("data of a test's server remain: %v", err)
		}
	})
	return dir
}
