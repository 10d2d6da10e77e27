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

// bar shows on a terminal how much of a file is read; elsewhere it is nothing.
type bar struct {
	in    *input
	shows *progressbar.ProgressBar // nil where no terminal is
}

func newBar(w io.Writer, in *input) *bar {
	b := &bar{in: in}
	if onTerminal(w) {
		b.shows = progressbar.NewOptions64(in.size, progressbar.OptionSetWriter(w), progressbar.OptionShowBytes(true),
			progressbar.OptionFullWidth(), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription("loading"))
	}
	return b
}

func onTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && logging.IsTerminal(f)
}

func (b *bar) shown() bool { return b.shows != nil }

// The bar is a comfort: its errors are of no concern to the load.

func (b *bar) update(p producer.Progress) {
	if b.shown() {
		rate := float64(p.Total.Sent) / max(p.Total.Elapsed.Seconds(), 0.001)
		b.shows.Describe(fmt.Sprintf("%d records, %.0f/s", p.Total.Sent, rate))
		_ = b.shows.Set64(0)
	}
}

func (b *bar) clear() {
	if b.shown() {
		_ = b.shows.Clear()
	}
}

func (b *bar) finish() {
	if b.shown() {
		_ = b.shows.Exit()
		_ = b.shows.Clear()
	}
}
