package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/rivo/uniseg"

	"ingestion/internal/logging"
	"ingestion/internal/plural"
)

// textWidth is how wide the pages of trace and limits are.
const textWidth = 79

// page is a text of at most textWidth columns.
type page struct{ bytes.Buffer }

// line prints a line, trimmed of trailing spaces.
func (p *page) line(format string, args ...any) {
	p.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// wrapped prints text after a prefix, in lines that continue below where the text began.
// What other programs chose cannot control the terminal.
func (p *page) wrapped(prefix, text string) {
	indent := strings.Repeat(" ", uniseg.StringWidth(prefix))
	for _, row := range wrap(logging.Printable(text), textWidth-len(indent)) {
		p.line("%s%s", prefix, row)
		prefix = indent
	}
}

// wrap breaks text at spaces, and words that are longer than a line anywhere.
func wrap(text string, width int) (rows []string) {
	row := ""
	for _, word := range strings.Fields(text) {
		for {
			joined := strings.TrimPrefix(row+" "+word, " ")
			if uniseg.StringWidth(joined) <= width {
				row = joined
				break
			}
			if row != "" {
				rows, row = append(rows, row), ""
				continue
			}
			head := fitting(word, width)
			rows, word = append(rows, head), word[len(head):]
		}
	}
	return append(rows, row)
}

// fitting is the beginning of a text that takes so many columns; at least one character.
func fitting(text string, width int) string {
	n, columns := 0, 0
	for graphemes := uniseg.NewGraphemes(text); graphemes.Next(); {
		if columns += graphemes.Width(); columns > width && n > 0 {
			break
		}
		n += len(graphemes.Str())
	}
	return text[:n]
}

// cell is text that is safe to print, in exactly so many columns.
func cell(text string, width int) string {
	text = column(text)
	if uniseg.StringWidth(text) > width {
		text = fitting(text, width-1) + "…"
	}
	return text + strings.Repeat(" ", max(0, width-uniseg.StringWidth(text)))
}

func thousands(n int64) string { return plural.Thousands(n) }

func counted(n int64, one, many string) string { return plural.Counted(n, one, many) }

// moment formats a time to the ms, in UTC.
func moment(at time.Time) string {
	if at.IsZero() {
		return "unknown"
	}
	return at.UTC().Format("2006-01-02 15:04:05.000")
}

// second formats a time to the second, in UTC.
func second(at time.Time) string {
	if at.IsZero() {
		return "unknown"
	}
	return at.UTC().Format("2006-01-02 15:04:05")
}
