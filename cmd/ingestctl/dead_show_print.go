package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"ingestion/internal/answer"
	"ingestion/internal/letters"
	"ingestion/internal/logging"
)

// fieldPrinter prints names and values in two columns. It keeps the first error.
type fieldPrinter struct {
	w   io.Writer
	err error
}

const (
	fieldsWidth = 80
	namesWidth  = 12
)

func (p *fieldPrinter) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// print prints a value, of several lines if it is long.
func (p *fieldPrinter) print(name, value string) {
	for i, line := range wrapWords(cmp.Or(logging.Printable(value), "-"), fieldsWidth-namesWidth) {
		if i > 0 {
			name = ""
		}
		p.line("%-*s%s", namesWidth, name, line)
	}
}

// wrapWords breaks a text at its spaces into lines of at most width columns, unless a word is
// longer.
func wrapWords(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.SplitSeq(text, " ") {
		if line != "" && ansi.StringWidth(line)+1+ansi.StringWidth(word) > width {
			lines, line = append(lines, line), ""
		} else if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// body prints a body: in full as it is, or its members, masked.
func (p *fieldPrinter) body(body []byte, reveal bool) {
	if reveal {
		p.line("body\n%s", escapedBody(string(body)))
		return
	}
	members, ok := letters.Masked(body)
	if !ok {
		p.print("body", "not a JSON object, so that nothing in it can be masked: --reveal shows it")
		return
	}
	p.line("body (masked: --reveal shows it in full)")
	for _, m := range members {
		p.line("  %s: %s", escapedBody(m.Name), escapedBody(string(m.Value)))
	}
}

// fields prints the fields of an entry without exactly one body.
func (p *fieldPrinter) fields(fields []string, reveal bool) {
	p.line("fields of the entry")
	for i := 0; i+1 < len(fields); i += 2 {
		name, value := letters.MaskedField(fields[i]), "***"
		if reveal {
			name, value = fields[i], escapedBody(fields[i+1])
		} else if masked := answer.Body(fields[i+1], false); masked != nil {
			value = escapedBody(*masked)
		}
		p.line("  %s: %s", escapedBody(name), value)
	}
}

// escaped returns a text that is safe to print. A byte that is not valid UTF-8 becomes \xff.
func escapedBody(text string) string {
	var b strings.Builder
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, text[0])
		} else {
			b.WriteString(logging.Printable(text[:size]))
		}
		text = text[size:]
	}
	return b.String()
}
