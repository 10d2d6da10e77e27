package logging

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Buffer gathers whole log lines and writes them out together: when Flush is
// called, when it is full, and at the latest after its interval. A line is
// never split over two writes. Once the writer below has failed, every call
// returns that error: lines are missing from the log then. It is safe for
// concurrent use.
type Buffer struct {
	mu    sync.Mutex
	w     io.Writer
	lines []byte
	err   error
	stop  chan struct{}
	done  chan struct{}
}

// NewBuffer returns a Buffer of size bytes over w that flushes every interval.
// Close ends it.
func NewBuffer(w io.Writer, size int, interval time.Duration) *Buffer {
	b := &Buffer{w: w, lines: make([]byte, 0, size), stop: make(chan struct{}), done: make(chan struct{})}
	go b.flushEvery(interval)
	return b
}

// Write takes whole lines.
func (b *Buffer) Write(lines []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines)+len(lines) > cap(b.lines) {
		b.flush()
	}
	if len(lines) > cap(b.lines) {
		b.pass(lines)
	} else {
		b.lines = append(b.lines, lines...)
	}
	return len(lines), b.err
}

// Flush hands all lines taken so far to the operating system.
func (b *Buffer) Flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flush()
	return b.err
}

func (b *Buffer) flush() {
	if len(b.lines) > 0 {
		b.pass(b.lines)
		b.lines = b.lines[:0]
	}
}

// pass goes on trying after an error: later lines may get through.
func (b *Buffer) pass(lines []byte) {
	if _, err := b.w.Write(lines); err != nil && b.err == nil {
		b.err = fmt.Errorf("the log can't be written, so lines are missing from it: %w", err)
	}
}

// Close flushes for the last time. Nothing may be written after it.
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
			_ = b.Flush() // whoever flushes next is told
		case <-b.stop:
			return
		}
	}
}
