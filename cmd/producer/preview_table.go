package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rivo/uniseg"

	"ingestion/internal/logging"
)

// table aligns columns and cuts them to a width.
type table struct {
	width int // 0 means any
	rows  [][]string
	notes map[int][]string // below a row, by its index
}

func (t *table) add(first string, rest ...string) {
	row := []string{first}
	for _, cell := range rest {
		row = append(row, logging.Printable(cell))
	}
	t.rows = append(t.rows, row)
}

// below adds a line below the last row.
func (t *table) below(note string) {
	if t.notes == nil {
		t.notes = map[int][]string{}
	}
	last := len(t.rows) - 1
	t.notes[last] = append(t.notes[last], logging.Printable(note))
}

const (
	gap       = "  "
	leastCell = 6
)

func (t *table) write(w io.Writer) {
	widths := t.widths()
	indent := strings.Repeat(" ", widths[0]) + gap
	for i, row := range t.rows {
		var b strings.Builder
		for column, cell := range row {
			cell = cut(cell, widths[column])
			b.WriteString(cell + strings.Repeat(" ", widths[column]-uniseg.StringWidth(cell)) + gap)
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
		for _, note := range t.notes[i] {
			fmt.Fprintln(w, indent+note)
		}
	}
}

// widths returns the widths of the columns. The widest ones give way if the table is
// too wide.
func (t *table) widths() []int {
	widths := make([]int, len(t.rows[0]))
	sum := 0
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], uniseg.StringWidth(cell))
		}
	}
	for _, n := range widths {
		sum += n + len(gap)
	}
	for sum -= len(gap); t.width > 0 && sum > t.width; sum-- {
		widest := slices.Index(widths, slices.Max(widths))
		if widths[widest] <= leastCell {
			break
		}
		widths[widest]--
	}
	return widths
}

// cut shortens a text to a width in columns of a terminal.
func cut(text string, width int) string {
	if uniseg.StringWidth(text) <= width {
		return text
	}
	var b strings.Builder
	used := 0
	for g := uniseg.NewGraphemes(text); g.Next() && used+g.Width() < width; used += g.Width() {
		b.WriteString(g.Str())
	}
	return b.String() + "…"
}
