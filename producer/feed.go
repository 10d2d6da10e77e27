package producer

import (
	"context"
	"io"

	"golang.org/x/sync/semaphore"
)

// aheadBytes limits the bodies that are read but not yet queued.
const aheadBytes = 32 << 20

// feed reads a file in its own goroutine, so that reading and sending overlap and a
// file that blocks (a pipe) does not block Load.
type feed struct {
	lines chan Line
	ahead *semaphore.Weighted // bytes that may still be read
	end   Line                // the last Line of the Reader; set before lines is closed
	err   error               // the last error of the Reader; set before lines is closed
}

func newFeed(ctx context.Context, r io.Reader, o ReaderOptions) *feed {
	f := &feed{lines: make(chan Line, defaultBatch), ahead: semaphore.NewWeighted(aheadBytes)}
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
		if err := f.ahead.Acquire(ctx, weight(line)); err != nil {
			return err
		}
		select {
		case f.lines <- line:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// weight returns a line's share of aheadBytes, limited so that any line fits.
func weight(l Line) int64 { return min(int64(len(l.Body)), aheadBytes) }

// gather waits for a record and returns it with those that are already available,
// at most n. An error comes with an empty batch; it is the Reader's (io.EOF at the
// end) or ctx's.
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

// release returns the batch's share of aheadBytes.
func (f *feed) release(batch []Line) {
	for _, line := range batch {
		f.ahead.Release(weight(line))
	}
}
