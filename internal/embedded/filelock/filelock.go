// Package filelock locks a file against other processes, and against others
// in this process. The lock ends with Close, or with the process. On systems
// without flock(2) it always succeeds and protects from nothing.
package filelock

import (
	"errors"
	"fmt"
	"os"
)

// ErrHeld says that another holds the lock.
var ErrHeld = errors.New("the lock is held by another")

// Lock is a lock that is held.
type Lock struct{ file *os.File }

// Try takes the lock on path, which is made if it is not there. The error is
// ErrHeld if another has it.
func Try(path string) (*Lock, error) { return open(path, false) }

// Wait takes the lock on path and waits for as long as another has it.
func Wait(path string) (*Lock, error) { return open(path, true) }

func open(path string, wait bool) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock file: %w", err)
	}
	if err := lock(file, wait); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %q: %w", path, err), file.Close())
	}
	return &Lock{file: file}, nil
}

// Close gives the lock up. The file stays: removing it would let two take it.
func (l *Lock) Close() error { return l.file.Close() }
