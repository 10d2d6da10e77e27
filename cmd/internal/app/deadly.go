//go:build deadly

package app

import (
	"bytes"
	"os"
	"syscall"

	"ingestion/record"
)

// decoder is for tests of a worker that dies of a record: with the build tag
// "deadly" the process kills itself, or panics, at bodies that say so. No
// program that is released is built so.
func decoder(decode func([]byte) (record.Record, error)) func([]byte) (record.Record, error) {
	return func(body []byte) (record.Record, error) {
		switch {
		case bytes.Contains(body, []byte("kills the worker")):
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until the signal has come
		case bytes.Contains(body, []byte("makes the worker panic")):
			panic("a record to panic at")
		}
		return decode(body)
	}
}
