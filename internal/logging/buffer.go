package logging

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Buffer collects log lines and writes them together: on Flush, when it is full,
// and at least once per interval. It never splits a line between two writes. After
// a write has failed, so that lines are missing from the log, every call returns
// that error. A Buffer is safe for concurrent use.
type Buffer struct {
	mu    sync.Mutex
	w     io.Writer
	lines []byte
	err   error
	stop  chan struct{}
	done  chan struct{}
}

// NewBuffer returns a Buffer of size bytes that writes to w. Call Close to stop its
// goroutine.
func NewBuffer(w io.Writer, size int, interval time.Duration) *Buffer {
	b := &Buffer{w: w, lines: make([]byte, 0, size), stop: make(chan struct{}), done: make(chan struct{})}
	go b.flushEvery(interval)
	return b
}

// Write adds whole lines. A text larger than the buffer is written at once.
func (b *Buffer) Write(lines []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines)+len(lines) > cap(b.lines) {
		b.flush()
	}
	if len(lines) > cap(b.lines) {
		b.write(lines)
	} else {
		b.lines = append(b.lines, lines...)
	}
	return len(lines), b.err
}

// Flush writes all lines added so far.
func (b *Buffer) Flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flush()
	return b.err
}

func (b *Buffer) flush() {
	if len(b.lines) > 0 {
		b.write(b.lines)
		b.lines = b.lines[:0]
	}
}

// write also writes after an error: later lines may succeed.
func (b *Buffer) write(lines []byte) {
	if _, err := b.w.Write(lines); err != nil && b.err == nil {
		b.err = fmt.Errorf("the log can't be written, so lines are missing from it: %w", err)
	}
}

// Close stops the Buffer and flushes it. Don't use the Buffer afterwards.
func (b *Buffer) Close() error {
	close(b.stop)
	<-b.done
	return b.Flush()
}

func (b *Buffer) flushEvery(interval time.Duration) {
	defer close(b.done)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = b.Flush() // the next call returns the error
		case <-b.stop:
			return
		}
	}
}
