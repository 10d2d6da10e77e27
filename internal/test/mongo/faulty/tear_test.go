package faulty_test

import (
	"os"
	"testing"
)

// tear cuts bytes off the end of a file, as a crash during a write does.
func tear(t *testing.T, path string, bytes int64) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-bytes); err != nil {
		t.Fatal(err)
	}
}
