package producer

import (
	"context"
	"io"

	"golang.org/x/sync/semaphore"
)

// aheadBytes is how much is read ahead of what is queued.
const aheadBytes = 32 << 20

// feed reads a file ahead in a goroutine of its own, so that reading and sending
// overlap, and so that a file that blocks (a pipe) doesn't block the rest, not
// even before its first line is there.
type feed struct {
	lines chan Line
	room  *semaphore.Weighted // bytes
	end   Line                // where the file ended; set before lines is closed
	err   error               // why it ended; set before lines is closed
}

func newFeed(ctx context.Context, r io.Reader, o ReaderOptions) *feed {
	f := &feed{lines: make(chan Line, defaultBatch), room: semaphore.NewWeighted(aheadBytes)}
	go func() {
		defer close(f.lines)
		f.err = f.read(ctx, r, o)
	}()
	return f
}

func (f *feed) read(ctx context.Context, r io.Reader, o ReaderOptions) error {
	reader, err := NewReader(r, o)
	if err != nil {
		return err
	}
	for {
		line, err := reader.Next()
		if err != nil {
			f.end = line
			return err
		}
		if err := f.room.Acquire(ctx, weight(line)); err != nil {
			return err
		}
		select {
		case f.lines <- line:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// weight bounds a line's share of the room, so that any line finds some.
func weight(l Line) int64 { return min(int64(len(l.Body)), aheadBytes) }

// gather waits for a record and takes those that are there already, n at most.
// A batch is empty only at the end: then the error is the file's, io.EOF or
// ctx's.
func (f *feed) gather(ctx context.Context, n int) ([]Line, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var batch []Line
	select {
	case line, ok := <-f.lines:
		if !ok {
			return nil, f.err
		}
		batch = append(batch, line)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for size := len(batch[0].Body); len(batch) < n && size < pipelineBytes; {
		select {
		case line, ok := <-f.lines:
			if !ok {
				return batch, nil
			}
			batch = append(batch, line)
			size += len(line.Body)
		default:
			return batch, nil
		}
	}
	return batch, nil
}

// release makes room for as much as the batch took.
func (f *feed) release(batch []Line) {
	for _, line := range batch {
		f.room.Release(weight(line))
	}
}
