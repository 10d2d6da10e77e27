package producer

import (
	"context"
	"errors"
	"io"
	"sync"

	"ingestion/producer/file"
)

const (
	// aheadBytes limits what is read but not yet queued.
	aheadBytes = 32 << 20
	// lineBytes is about how many bytes a line takes beside its text.
	lineBytes = 200
)

// feed reads a file in its own goroutine, so that reading and sending overlap and a
// file that blocks (a pipe) does not block Load.
type feed struct {
	mu     sync.Mutex
	lines  []file.Line // read, and not yet taken
	weight int64       // in bytes, of the lines that are read and not yet released
	head   file.Head   // once there are lines
	ended  bool
	end    file.Line // the last Line of the Reader, once ended
	err    error     // its last error, once ended
	// waiting means that ready waits for a signal, crowded that put does.
	waiting, crowded bool

	filled, emptied chan struct{} // signals, with room for one
}

func newFeed(ctx context.Context, r io.Reader, o file.Options) *feed {
	f := &feed{filled: make(chan struct{}, 1), emptied: make(chan struct{}, 1)}
	go func() {
		line, err := f.read(ctx, r, o)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ended, f.end, f.err = true, line, err
		f.tell()
	}()
	return f
}

// read reads until the first error and returns it with the Line that came with it.
func (f *feed) read(ctx context.Context, r io.Reader, o file.Options) (end file.Line, err error) {
	reader, err := file.NewReader(r, o)
	if err != nil {
		return file.Line{}, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	f.mu.Lock()
	f.head = reader.Head()
	f.mu.Unlock()
	for {
		line, err := reader.Next()
		if err == nil {
			err = f.put(ctx, line)
		}
		if err != nil {
			return line, err
		}
	}
}

// put adds a line once there is room for it. A line that is alone always has room.
func (f *feed) put(ctx context.Context, line file.Line) error {
	weight := weightOf(line)
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.weight > 0 && f.weight+weight > aheadBytes {
		f.crowded = true
		f.mu.Unlock()
		var err error
		select {
		case <-f.emptied:
		case <-ctx.Done():
			err = ctx.Err()
		}
		f.mu.Lock()
		if err != nil {
			return err
		}
	}
	f.weight += weight
	f.lines = append(f.lines, line)
	f.tell()
	return nil
}

// tell wakes ready if it waits. mu is held.
func (f *feed) tell() {
	if f.waiting {
		f.waiting = false
		f.filled <- struct{}{} // has room: one signal for each time that it waits
	}
}

func weightOf(l file.Line) int64 { return int64(len(l.Body)+len(l.Raw)) + lineBytes }

// ready waits until there are lines to take, or no more will come. It returns ctx's
// error if that ends earlier.
func (f *feed) ready(ctx context.Context) error {
	for {
		f.mu.Lock()
		ready := len(f.lines) > 0 || f.ended
		f.waiting = !ready
		f.mu.Unlock()
		if ready {
			return nil
		}
		select {
		case <-f.filled:
		case <-ctx.Done():
			f.unwait()
			return ctx.Err()
		}
	}
}

// unwait forgets that ready waits.
func (f *feed) unwait() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = false
	select {
	case <-f.filled:
	default:
	}
}

// opened returns the head of the file, or the error because of which it has no lines.
// It is called after ready.
func (f *feed) opened() (file.Head, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.lines) == 0 && !errors.Is(f.err, io.EOF) {
		return f.head, f.err
	}
	return f.head, nil
}

// gather returns the lines that are available, at most n, and waits for the first
// one. If busy, it does not wait, and returns none unless there are n or no more will
// come. An error comes without lines; it is the Reader's (io.EOF at the end) or
// ctx's.
func (f *feed) gather(ctx context.Context, n int, busy bool) ([]file.Line, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !busy {
		if err := f.ready(ctx); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	size, to := 0, 0
	for to < len(f.lines) && to < n && size < pipelineBytes {
		size += len(f.lines[to].Body)
		to++
	}
	full := to == n || size >= pipelineBytes
	switch {
	case to > 0 && (full || !busy || f.ended):
		batch := f.lines[:to:to]
		f.lines = f.lines[to:]
		return batch, nil
	case f.ended && to == 0:
		return nil, f.err
	}
	return nil, nil
}

// last returns the Line that came with the Reader's error, if there was one.
func (f *feed) last() file.Line {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.end
}

// release makes room for as much as the lines took.
func (f *feed) release(batch []file.Line) {
	weight := int64(0)
	for _, line := range batch {
		weight += weightOf(line)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.weight -= weight
	if f.crowded {
		f.crowded = false
		f.emptied <- struct{}{} // has room: one signal for each time that it waits
	}
}
