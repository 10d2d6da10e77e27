package system

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Clock is a server's wall clock, which can be stepped. Its monotonic clock is
// not affected.
type Clock struct {
	file, library string
}

// NewClock returns a clock without offset. It needs libfaketime.
func NewClock(dir string) (*Clock, error) {
	for _, pattern := range []string{"/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib*/faketime/libfaketime.so.1", "/usr/local/lib/faketime/libfaketime.so.1"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			c := &Clock{filepath.Join(dir, "clock"), found[0]}
			return c, c.Step(0)
		}
	}
	return nil, errors.New("stepping Redis' clock needs libfaketime: install the Debian package faketime, or use --without clock-ahead,clock-back")
}

// Step sets the offset of the clock from the true time.
func (c *Clock) Step(ahead time.Duration) error {
	return writeFile(c.file, fmt.Appendf(nil, "%+.3f\n", ahead.Seconds()))
}

// env makes a program use the clock. Redis' own allocator asks for the time
// before libfaketime is initialized, so libc's is preloaded instead.
func (c *Clock) env() []string {
	return []string{
		"LD_PRELOAD=" + c.library + " libc.so.6", "FAKETIME_TIMESTAMP_FILE=" + c.file,
		"FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1",
	}
}

// writeFile replaces a file atomically.
func writeFile(name string, text []byte) error {
	if err := os.WriteFile(name+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
