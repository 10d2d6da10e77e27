//go:build deadly

package app

import (
	"bytes"
	"os"
	"syscall"

	"ingestion/record"
)

// decoder makes the process kill itself, or panic, at bodies that ask for it. Tests build
// the worker with the tag "deadly"; released programs are built without it.
func decoder(decode func([]byte) (record.Record, error)) func([]byte) (record.Record, error) {
	return func(body []byte) (record.Record, error) {
		switch {
		case bytes.Contains(body, []byte("kills the worker")):
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until the signal arrives
		case bytes.Contains(body, []byte("makes the worker panic")):
			panic("the body asks for a panic: " + string(body))
		}
		return decode(body)
	}
}
