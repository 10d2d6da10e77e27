package main

import (
	"bytes"
	"strings"
	"testing"

	"ingestion/producer"
)

func TestBarShowsProgress(t *testing.T) {
	for name, c := range map[string]struct {
		size, end int64
		percent   float64 // of the bar; unused for a spinner
		spins     bool
	}{
		"half":                 {200, 100, 0.5, false},
		"all, but not done":    {200, 200, 0.995, false},
		"growing file":         {200, 900, 0.995, false},
		"unknown progress":     {200, -1, 0, true},
		"standard input":       {0, 100, 0, true},
		"larger than the file": {1, 1, 0, false},
	} {
		var screen bytes.Buffer
		b := &bar{w: &screen, size: c.size}
		b.update(producer.Progress{Records: 5, End: c.end, Total: producer.Summary{Sent: 5}})
		state := b.shows.State()
		if spins := state.Max != c.size; spins != c.spins || b.shows.IsFinished() {
			t.Errorf("%s: spinner: %t; finished: %t", name, spins, b.shows.IsFinished())
		}
		if !c.spins && state.CurrentPercent != c.percent {
			t.Errorf("%s: the bar is at %v, want %v", name, state.CurrentPercent, c.percent)
		}
		b.finish()
		if !strings.Contains(screen.String(), "5 records") {
			t.Errorf("%s: the screen has %q", name, screen.String())
		}
	}
}

func TestNoBarWithoutATerminal(t *testing.T) {
	var file bytes.Buffer
	b := newBar(&file, &input{size: 10})
	b.update(producer.Progress{End: 5})
	b.clear()
	b.finish()
	if b.shown() || file.Len() > 0 {
		t.Errorf("%q is written", file.String())
	}
}
