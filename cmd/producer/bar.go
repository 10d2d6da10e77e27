package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"ingestion/internal/logging"
	"ingestion/producer"
)

// bar shows on a terminal how much of a file is on the queue; elsewhere it is
// nothing. Where that can't be said, in a pipe or a compressed file, it is a
// spinner.
type bar struct {
	w     io.Writer // nil where no terminal is
	size  int64     // of the file, in bytes; 0 where that is not known
	shows *progressbar.ProgressBar
}

func newBar(w io.Writer, in *input) *bar {
	if !onTerminal(w) {
		return &bar{}
	}
	return &bar{w: w, size: in.size}
}

func onTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && logging.IsTerminal(f)
}

func (b *bar) shown() bool { return b.w != nil }

// begin waits for the first batch, which tells whether the file is compressed.
func (b *bar) begin(p producer.Progress) {
	if b.shows != nil {
		return
	}
	if p.End < 0 || b.size <= 0 {
		b.size = -1
	}
	b.shows = progressbar.NewOptions64(b.size, progressbar.OptionSetWriter(b.w), progressbar.OptionShowBytes(b.size > 0),
		progressbar.OptionFullWidth(), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetSpinnerChangeInterval(0), // it turns with the batches, not by a goroutine that outlives it
		progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription("loading"))
}

// The bar is a comfort: its errors are of no concern to the load.

func (b *bar) update(p producer.Progress) {
	if !b.shown() {
		return
	}
	b.begin(p)
	rate := float64(p.Total.Sent) / max(p.Total.Elapsed.Seconds(), 0.001)
	b.shows.Describe(fmt.Sprintf("%d records, %.0f/s", p.Total.Sent, rate))
	if b.size < 0 {
		_ = b.shows.Add(p.Records)
		return
	}
	// At its full length the bar would end, and a file may grow meanwhile.
	_ = b.shows.Set64(min(p.End, b.size-1))
}

func (b *bar) clear() {
	if b.shows != nil {
		_ = b.shows.Clear()
	}
}

func (b *bar) finish() {
	if b.shows != nil {
		_ = b.shows.Exit()
		_ = b.shows.Clear()
	}
}
