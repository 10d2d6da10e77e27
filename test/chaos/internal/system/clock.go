package system

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Clock is what a server takes for the time of day; what it measures durations
// by stays true.
type Clock struct {
	file, library string
}

// NewClock needs libfaketime.
func NewClock(dir string) (*Clock, error) {
	for _, pattern := range []string{"/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib*/faketime/libfaketime.so.1", "/usr/local/lib/faketime/libfaketime.so.1"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			c := &Clock{filepath.Join(dir, "clock"), found[0]}
			return c, c.Step(0)
		}
	}
	return nil, errors.New("libfaketime is needed to step Redis' clock: install Debian's package faketime, or leave the faults out by --without clock-ahead,clock-back")
}

// Step sets the clock so far ahead of the true time, or back.
func (c *Clock) Step(ahead time.Duration) error {
	return writeWhole(c.file, fmt.Appendf(nil, "%+.3f\n", ahead.Seconds()))
}

// env has a program live by the clock. Redis' own allocator asks for the time
// before libfaketime can tell it, so the one of libc takes its place.
func (c *Clock) env() []string {
	return []string{
		"LD_PRELOAD=" + c.library + " libc.so.6", "FAKETIME_TIMESTAMP_FILE=" + c.file,
		"FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1",
	}
}

// writeWhole never leaves half a file to be read.
func writeWhole(name string, text []byte) error {
	if err := os.WriteFile(name+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
