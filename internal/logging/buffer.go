package logging

import (
	"io"
	"sync"
	"time"
)

// Buffer gathers whole log lines and writes them out together: when Flush is
// called, when it is full, and at the latest after its interval. A line is
// never split over two writes. It is safe for concurrent use.
type Buffer struct {
	mu    sync.Mutex
	w     io.Writer
	lines []byte
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

// Write takes one whole line. An error of the writer below shows at the flush
// that meets it.
func (b *Buffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines)+len(line) > cap(b.lines) {
		if err := b.flush(); err != nil {
			return 0, err
		}
	}
	if len(line) > cap(b.lines) {
		return b.w.Write(line)
	}
	b.lines = append(b.lines, line...)
	return len(line), nil
}

// Flush hands all lines taken so far to the operating system.
func (b *Buffer) Flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.flush()
}

func (b *Buffer) flush() error {
	if len(b.lines) == 0 {
		return nil
	}
	_, err := b.w.Write(b.lines)
	b.lines = b.lines[:0]
	return err
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
			_ = b.Flush()
		case <-b.stop:
			return
		}
	}
}
