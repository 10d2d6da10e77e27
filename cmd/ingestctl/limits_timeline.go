package main

import (
	"fmt"
	"strings"
	"time"

	"ingestion/internal/inspect"
)

// timelineColumns is how wide a time line is.
const timelineColumns = 72

// timeline draws the places from a window before now to a window after it: how many lie
// in each column, the window that ends now, and when that is.
func (p *page) timeline(w *inspect.CustomerWindow) {
	window := w.Limit.Window.Milliseconds()
	from, to := w.Now-2*window, w.Now+window
	step := max(1, (to-from+timelineColumns-1)/timelineColumns)
	counts := make([]int, timelineColumns)
	later := 0
	for _, place := range w.Around {
		switch i := (place.At - from) / step; {
		case place.At < from:
		case i < timelineColumns:
			counts[i]++
		default:
			later++
		}
	}
	now := int((w.Now - from) / step)
	begin := int((w.Now - window + 1 - from) / step)
	p.line("  %s", marks(counts))
	p.line("  %s%s|", strings.Repeat(" ", begin), "["+strings.Repeat("-", max(0, now-begin-1)))
	label := "now " + time.UnixMilli(w.Now).UTC().Format(time.TimeOnly)
	p.line("  %-*s%s", now, time.UnixMilli(from).UTC().Format(time.TimeOnly), label)
	p.line("  a column is %s; [---| is the window of %s that ends now", inspect.Span(time.Duration(step)*time.Millisecond), inspect.Span(w.Limit.Window))
	if later > 0 {
		p.line("  %d more lie later than the line shows", later)
	}
	p.line("")
}

// marks shows counts: . for none, a digit, or + for ten and more.
func marks(counts []int) string {
	var b strings.Builder
	for _, n := range counts {
		switch {
		case n == 0:
			b.WriteByte('.')
		case n < 10:
			fmt.Fprint(&b, n)
		default:
			b.WriteByte('+')
		}
	}
	return b.String()
}
