package env

import (
	"os"
	"testing"
)

// dataDir returns an empty directory for a server's files, in memory if
// possible, so that a test does not wait for the disk.
func dataDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(memoryDir(), "ingestion-test-")
	if err != nil {
		t.Fatalf("no directory for a server's data, set TMPDIR to a writable one: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("cannot remove the data of a server: %v", err)
		}
	})
	return dir
}
