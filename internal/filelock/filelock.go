// Package filelock provides advisory locks on files and folders, against other processes and
// within this one. A lock is released by Close or when the process exits. On
// systems without flock(2), locking always succeeds and has no effect.
package filelock

import (
	"errors"
	"fmt"
	"os"
)

// ErrHeld says that the lock is already held.
var ErrHeld = errors.New("the lock is already held")

// Lock is a held lock.
type Lock struct{ file *os.File }

// Try locks the file at path, which it creates if necessary. It returns ErrHeld if
// the lock is already held.
func Try(path string) (*Lock, error) { return open(path, os.O_CREATE|os.O_RDWR, false) }

// Wait is like Try, but waits until the lock is free.
func Wait(path string) (*Lock, error) { return open(path, os.O_CREATE|os.O_RDWR, true) }

// WaitFolder locks a folder itself, which exists, and waits until its lock is free.
func WaitFolder(path string) (*Lock, error) { return open(path, os.O_RDONLY, true) }

func open(path string, mode int, wait bool) (*Lock, error) {
	file, err := os.OpenFile(path, mode, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock file: %w", err)
	}
	if err := lock(file, wait); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %q: %w", path, err), file.Close())
	}
	return &Lock{file: file}, nil
}

// Close releases the lock. It does not remove the file: then two processes could
// hold locks on different files of the same path.
func (l *Lock) Close() error { return l.file.Close() }
