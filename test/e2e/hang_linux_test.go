package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ingestion/internal/test/env"
	"ingestion/internal/test/proc"
)

// unreadLog is a worker whose standard output is a pipe that nobody reads at first.
type unreadLog struct {
	*harness
	worker *env.Proc
	addr   string
	pipe   *os.File
}

func startUnread(t *testing.T, environ ...string) *unreadLog {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pipe.Close() })
	addr, err := proc.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	r := &unreadLog{harness: newHarness(t, stream, append(environ, "ADMIN_ADDR="+addr)...), addr: addr, pipe: pipe}
	r.worker = env.Process(t, "/bin/sh", []string{"-c", `exec "$0" >"$1"`, r.program, path}, r.env)
	env.Eventually(t, soon, func() (bool, string) {
		response, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			return false, err.Error()
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK, response.Status
	})
	return r
}

// unreadMost leaves no room in the pipe, of 64 KiB, for the lines of a batch of 50.
const unreadMost = 56 << 10

// unread is the number of bytes that the worker has written.
func (r *unreadLog) unread() (n int) {
	r.t.Helper()
	conn, err := r.pipe.SyscallConn()
	if err != nil {
		r.t.Fatal(err)
	}
	var failed error
	if err := conn.Control(func(fd uintptr) { n, failed = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }); err != nil || failed != nil {
		r.t.Fatal(err, failed)
	}
	return n
}

// read reads the log from now on.
func (r *unreadLog) read() {
	go func() { _, _ = io.Copy(io.Discard, r.pipe) }()
}

// A worker whose log is not read can't go on. That is no reason to restart it, until its
// heartbeat hangs too, which has to report that Redis does not answer. It recovers when
// the log is read.
func TestAHangingWorkerIsNotAlive(t *testing.T) {
	t.Parallel()
	r := startUnread(t, "STREAM_CLAIM_IDLE_MS=600", "RATE_LIMIT_LIMIT=0", "BATCH_SIZE=50", "MONGO_URI="+env.MongoProcess(t).URI())
	f := simple(51, 2000)
	r.feed(f)
	env.Eventually(t, soon, func() (bool, string) {
		got, unread := scrape(t, r.addr), r.unread()
		return unread > unreadMost && got["ingestion_slots_in_use"] == got["ingestion_slots"], fmt.Sprintf("the log does not hold the worker up: %d bytes are unread", unread)
	})
	wantAlive(t, r.addr)
	r.redis.Stop()
	env.Eventually(t, time.Minute, func() (bool, string) {
		code, body := fetch(t, r.addr, "/livez")
		return code == http.StatusServiceUnavailable && strings.Contains(body, "the heartbeat hangs: "), fmt.Sprintf("code %d, %s", code, body)
	})
	check := env.Process(t, r.program, []string{"healthcheck"}, []string{"ADMIN_ADDR=" + r.addr})
	if code := check.Wait(soon); code != 1 || !strings.Contains(check.Stderr(), "the heartbeat hangs") {
		t.Errorf("healthcheck: exit code %d, %s", code, check.Stderr())
	}
	r.read()
	r.redis.Start()
	env.Eventually(t, late, func() (bool, string) {
		code, body := fetch(t, r.addr, "/livez")
		done := r.ledger(streamKey)[ingested]
		return code == http.StatusOK && done == int64(len(f.records)), fmt.Sprintf("code %d, %s; %d are ingested", code, body, done)
	})
	r.stop(r.worker)
}
