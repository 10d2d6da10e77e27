//go:build unix

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestOpeningAPipeEndsWithTheContext(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := openInput(ctx, fifo, nil)
		done <- err
	}()
	cancel() // the pipe has no writer
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	writer, err := os.OpenFile(fifo, os.O_WRONLY, 0) // lets os.Open return
	if err != nil {
		t.Fatal(err)
	}
	writer.Close()
}
