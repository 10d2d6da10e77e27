// Package reread reads files again that may be replaced while a program runs,
// such as passwords and certificates.
package reread

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// Value is what files contain. It is safe for concurrent use.
type Value[T any] struct {
	load  func() (T, error)
	stale func(error)

	mu      sync.Mutex
	last    T // that could be loaded
	isStale bool
}

// New loads a value for the first time. stale is called with the error when the
// value can't be loaded any more, and again only after it could be; it may be nil.
func New[T any](load func() (T, error), stale func(error)) (*Value[T], error) {
	last, err := load()
	if err != nil {
		return nil, err
	}
	return &Value[T]{load: load, stale: stale, last: last}, nil
}

// Current returns the value as it is now. While the files can't be used, perhaps
// since only one of them is replaced yet, it returns the last value, and err says
// why.
func (v *Value[T]) Current() (value T, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	value, err = v.load()
	if err == nil {
		v.last, v.isStale = value, false
		return value, nil
	}
	if !v.isStale && v.stale != nil {
		v.stale(err)
	}
	v.isStale = true
	return v.last, err
}

// Password reads a file with a password, without the end of the line. The error is
// the end of a sentence that names the file's setting.
func Password(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("can't be read: %w", err)
	}
	password := strings.TrimRight(string(b), "\r\n")
	if password == "" {
		return "", errors.New(path + " is empty: want a password")
	}
	return password, nil
}
