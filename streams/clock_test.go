package streams_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/internal/test/need"
)

// clock is the wall clock of a redis-server, which a test moves.
type clock struct {
	t    *testing.T
	file string
	at   time.Duration
}

// newRigWithClock is newRig with a server whose clock can be moved, by libfaketime.
func newRigWithClock(t *testing.T, options ...env.RedisOption) (*rig, *clock) {
	t.Helper()
	libraries, _ := filepath.Glob("/usr/lib*/*/faketime/libfaketime.so.1")
	if len(libraries) == 0 {
		need.Skip(t, "needs libfaketime: install the Debian package faketime")
	}
	need.Program(t, "redis-server")
	dir := t.TempDir()
	c := &clock{t: t, file: filepath.Join(dir, "clock")}
	c.step(0)
	// Redis' own allocator asks for the time before libfaketime is initialized, so libc's
	// is preloaded instead.
	script := fmt.Sprintf("#!/bin/sh\nexec env 'LD_PRELOAD=%s libc.so.6' FAKETIME_TIMESTAMP_FILE=%s FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 redis-server \"$@\"\n",
		libraries[0], c.file)
	program := filepath.Join(dir, "redis-server")
	must(t, os.WriteFile(program, []byte(script), 0o755))
	t.Setenv("REDIS_SERVER_BIN", program)
	return newRig(t, options...), c
}

// step moves the clock.
func (c *clock) step(by time.Duration) {
	c.t.Helper()
	c.at += by
	must(c.t, os.WriteFile(c.file+".new", fmt.Appendf(nil, "%+.3f\n", c.at.Seconds()), 0o644))
	must(c.t, os.Rename(c.file+".new", c.file))
}

// toNext moves the clock to just after the beginning of the next period.
func (c *clock) toNext(b *rig, period time.Duration) time.Time {
	c.t.Helper()
	now := b.client.Time(c.t.Context()).Val()
	start := now.Truncate(period).Add(period)
	c.step(start.Sub(now) + 5*time.Millisecond)
	return start.UTC()
}
