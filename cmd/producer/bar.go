package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"ingestion/internal/logging"
	"ingestion/internal/plural"
	"ingestion/producer"
)

// bar is a progress bar of a load. It is shown only on a terminal that can overwrite a
// line. If it is unknown how large the file is or how much of it is read, it is a spinner.
type bar struct {
	w     io.Writer // nil if not a terminal
	size  int64     // of the file, in bytes; 0 if unknown, -1 for a spinner
	shows *progressbar.ProgressBar
}

func newBar(w io.Writer, in *input) *bar {
	if !logging.CanRedraw(w) {
		return &bar{}
	}
	return &bar{w: w, size: in.size}
}

func onTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && logging.IsTerminal(f)
}

func (b *bar) shown() bool { return b.w != nil }

// begin shows the bar at the first batch, which tells whether progress is known.
func (b *bar) begin(p producer.Progress) {
	if b.shows != nil {
		return
	}
	if p.End < 0 || b.size <= 0 {
		b.size = -1
	}
	b.shows = progressbar.NewOptions64(b.size, progressbar.OptionSetWriter(b.w), progressbar.OptionShowBytes(b.size > 0),
		progressbar.OptionFullWidth(), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetSpinnerChangeInterval(0), // updated by batches, not by a goroutine that would outlive the bar
		progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription("loading"))
}

// update shows the progress. Errors of the bar are ignored: they must not affect the
// load.
func (b *bar) update(p producer.Progress) {
	if !b.shown() {
		return
	}
	b.begin(p)
	rate := float64(p.Total.Sent) / max(p.Total.Elapsed.Seconds(), 0.001)
	b.shows.Describe(fmt.Sprintf("%s, %.0f/s", plural.Of(p.Total.Sent, "record", "records"), rate))
	if b.size < 0 {
		_ = b.shows.Add(p.Records)
		return
	}
	// The bar would end at its full length, but the file may grow during the load.
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
