package main

import (
	"fmt"
	"io"
	"time"
)

// totals are the last words of a run.
type totals struct {
	sent    int
	elapsed time.Duration
	notes   []string // for example "3 skipped"
}

// note adds a count that is not zero.
func (t *totals) note(n int, what string) {
	if n > 0 {
		t.notes = append(t.notes, fmt.Sprintf("%d %s", n, what))
	}
}

func (t totals) print(w io.Writer) {
	fmt.Fprintf(w, "producer: %d records sent in %v", t.sent, t.elapsed.Round(time.Millisecond))
	if seconds := t.elapsed.Seconds(); seconds > 0 && t.sent > 0 {
		fmt.Fprintf(w, ", %.0f a second", float64(t.sent)/seconds)
	}
	for _, note := range t.notes {
		fmt.Fprintf(w, ", %s", note)
	}
	fmt.Fprintln(w)
}
