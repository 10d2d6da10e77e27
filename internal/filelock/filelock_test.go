//go:build unix && !solaris && !aix

package filelock_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"ingestion/internal/filelock"
)

func TestLockIsHeldUntilClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first := try(t, path)
	if _, err := filelock.Try(path); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("the second Try returns %v, want ErrHeld", err)
	}
	closeLock(t, first)
	closeLock(t, try(t, path))
}

func TestWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first := try(t, path)
	taken := make(chan error)
	go func() {
		second, err := filelock.Wait(path)
		if err == nil {
			err = second.Close()
		}
		taken <- err
	}()
	select {
	case err := <-taken:
		t.Fatalf("Wait returned while the lock was held (%v)", err)
	case <-time.After(50 * time.Millisecond):
	}
	closeLock(t, first)
	if err := <-taken; err != nil {
		t.Error(err)
	}
}

func TestLockInMissingDirectory(t *testing.T) {
	if _, err := filelock.Try(filepath.Join(t.TempDir(), "none", "lock")); err == nil {
		t.Error("Try succeeded")
	}
}

func try(t *testing.T, path string) *filelock.Lock {
	t.Helper()
	lock, err := filelock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	return lock
}

func closeLock(t *testing.T, lock *filelock.Lock) {
	t.Helper()
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
}
