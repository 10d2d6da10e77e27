package producer

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"ingestion/producer/file"
)

const (
	// aheadBytes limits what is read but not yet queued.
	aheadBytes = 32 << 20
	// aheadLines limits what is read but not yet taken, in whole batches and at least
	// one. More would only take memory, and time to fetch it from there again.
	aheadLines = 5000
	// lineBytes is about how many bytes a line takes beside its text.
	lineBytes = 200
)

// feed reads a file in its own goroutine, so that reading and sending overlap and a
// file that blocks (a pipe) does not block Load.
type feed struct {
	size  int // number of lines in a full batch
	ahead int // maximum number of full batches

	mu      sync.Mutex
	full    [][]file.Line // batches that are read, and not yet taken
	filling []file.Line   // the lines after them
	bytes   int           // of the bodies in filling
	spare   [][]file.Line // batches without lines, for reuse
	weight  int64         // in bytes, of the lines that are read and not yet released
	head    file.Head     // once there are lines
	ended   bool
	end     file.Line // the last Line of the Reader, once ended
	err     error     // its last error, once ended
	// waiting means that ready waits for a signal, crowded that put does.
	waiting, crowded bool

	filled, emptied chan struct{} // signals, with room for one
}

// newFeed returns a feed of batches of n lines.
func newFeed(ctx context.Context, r io.Reader, o file.Options, n int) *feed {
	f := &feed{
		size: n, ahead: max(1, aheadLines/n),
		filled: make(chan struct{}, 1), emptied: make(chan struct{}, 1),
	}
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
	weight := weightOf(&line)
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.weight > 0 && f.weight+weight > aheadBytes || len(f.full) == f.ahead {
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
	f.bytes += len(line.Body)
	f.filling = append(f.filling, line)
	if len(f.filling) == f.size || f.bytes >= pipelineBytes {
		f.full = append(f.full, f.cut())
	}
	f.tell()
	return nil
}

// cut ends the batch that is filled, and returns it. mu is held.
func (f *feed) cut() []file.Line {
	batch := f.filling
	f.filling, f.bytes = nil, 0
	if last := len(f.spare) - 1; last >= 0 {
		f.filling, f.spare = f.spare[last], f.spare[:last]
	}
	return batch
}

// tell wakes ready if it waits. mu is held.
func (f *feed) tell() {
	if f.waiting {
		f.waiting = false
		f.filled <- struct{}{} // has room: one signal for each time that it waits
	}
}

func weightOf(l *file.Line) int64 { return int64(len(l.Body)+len(l.Raw)) + lineBytes }

// ready waits until there are lines to take, or no more will come. It returns ctx's
// error if that ends earlier.
func (f *feed) ready(ctx context.Context) error {
	for {
		f.mu.Lock()
		ready := f.some() || f.ended
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

// some reports whether there are lines to take. mu is held.
func (f *feed) some() bool { return len(f.full) > 0 || len(f.filling) > 0 }

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
	if !f.some() && !errors.Is(f.err, io.EOF) {
		return f.head, f.err
	}
	return f.head, nil
}

// gather returns the next batch of lines. If none is full, it returns the lines that are
// available, and waits for the first one. If busy, it does not wait, and returns none
// unless a batch is full or no more will come. An error comes without lines; it is the
// Reader's (io.EOF at the end) or ctx's. The lines are valid until they are released.
func (f *feed) gather(ctx context.Context, busy bool) ([]file.Line, error) {
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
	switch {
	case len(f.full) > 0:
		batch := f.full[0]
		f.full = slices.Delete(f.full, 0, 1)
		f.makeRoom()
		return batch, nil
	case len(f.filling) > 0 && (!busy || f.ended):
		return f.cut(), nil
	case f.ended && !f.some():
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
	for i := range batch {
		weight += weightOf(&batch[i])
	}
	clear(batch)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.weight -= weight
	f.spare = append(f.spare, batch[:0])
	f.makeRoom()
}

// makeRoom wakes put if it waits, and not before it has room for several batches. mu
// is held.
func (f *feed) makeRoom() {
	if f.crowded && len(f.full) <= f.ahead/2 {
		f.crowded = false
		f.emptied <- struct{}{} // has room: one signal for each time that it waits
	}
}
