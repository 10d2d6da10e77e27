package producer

import (
	"context"
	"fmt"
	"io"

	"ingestion/producer/file"
)

// File is a file of records that is loaded. One goroutine may use it at a time.
type File struct {
	opts LoadOptions
	feed *feed
	stop context.CancelFunc
}

// Open begins to read r, ahead of what is sent. It leaves a goroutine that ends after
// Close, as soon as r returns.
func Open(r io.Reader, o LoadOptions) (*File, error) {
	if err := CheckRate(o.Rate); err != nil {
		return nil, fmt.Errorf("rate: %w", err)
	}
	o.setDefaults()
	ctx, stop := context.WithCancel(context.Background())
	return &File{opts: o, feed: newFeed(ctx, r, o.Options, o.Batch), stop: stop}, nil
}

// Close ends the reading. It does not close the file.
func (f *File) Close() { f.stop() }

// Head waits until the file's first record, or its end, is read. It returns the error
// because of which there is nothing to load, or that of ctx.
func (f *File) Head(ctx context.Context) (file.Head, error) {
	if err := f.feed.ready(ctx); err != nil {
		return file.Head{}, err
	}
	return f.feed.opened()
}

// Blank returns the number of blank lines before the error that Head returned.
func (f *File) Blank() int { return f.feed.last().Blank }
