// Package need is for tests that depend on something the machine may lack. CI
// installs all of it.
package need

import (
	"os"
	"os/exec"
	"testing"
)

// Skip skips the test, or fails it if CI is set, with what is missing.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// Program calls Skip unless the programs are in PATH.
func Program(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			Skip(t, "needs the program %s: %v", name, err)
		}
	}
}
