package file

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"

	"ingestion/internal/plural"
)

// titleRows is how many rows are tried for the header of a file that does not begin with
// one.
const titleRows = 20

// skipLines passes the lines before the header or the first record.
func skipLines(t *text, n int) error {
	for range n {
		if err := t.pass(); err == io.EOF {
			break
		} else if err != nil {
			return &LineError{Line: t.line, Err: err}
		}
	}
	if n > 0 && emptyText(t) {
		return allSkipped(n)
	}
	return nil
}

func allSkipped(n int) error {
	return &Refusal{Reason: fmt.Sprintf("nothing is left of the file after the %s to skip", plural.Of(n, "line", "lines")), Hint: HintSkipLines}
}

// belowTitle is the refusal of a file whose first row is not the header, but a later one.
func belowTitle(what, title string, line int) *Refusal {
	return &Refusal{Reason: fmt.Sprintf("the %s seems to be on line %d, below %.60q", what, line, title), Skip: line - 1, Hint: HintSkipLines}
}

// explain adds to the refusal of a header what else it may be: one with another delimiter,
// or a title above the header.
func (s *csvSource) explain(refused *Refusal, o Options) error {
	if r, ok := s.otherDelimiter(o.Mapper); ok {
		return &Refusal{Reason: fmt.Sprintf("the header lacks fields of a record; with %q between the columns it has all of them", r), Hint: HintDelimiter, Err: refused.Err}
	}
	title := strings.TrimSpace(string(s.raw))
	for range titleRows {
		line, _ := firstLine(s.text)
		if len(line) == 0 {
			break
		}
		if s.passBlank() != nil {
			break
		}
		begin := s.text.line
		if line[0] == '{' && !strings.HasPrefix(title, "{") && objectFault(line) == "" {
			return belowTitle("first record", title, begin)
		}
		if s.isHeader(o) {
			return belowTitle("header", title, begin)
		}
	}
	if refused.Hint == HintHeader && len(s.spans) == 1 {
		refused.Hint = HintOneColumn
	}
	return refused
}

// isHeader consumes a row, and reports whether it is a header.
func (s *csvSource) isHeader(o Options) bool {
	other := &csvSource{rows: rows{text: s.text, plain: s.plain}, in: s.in}
	names, err := other.header(o)
	if err == nil {
		_, err = newTable(names, o.Mapper)
	}
	return err == nil
}

// otherDelimiter returns a character that may separate the fields of a header that is
// refused: with it, the header is accepted.
func (s *csvSource) otherDelimiter(m Mapper) (rune, bool) {
	tried := string(s.delim)
	for _, r := range string(s.raw) + " " {
		if strings.ContainsRune(tried, r) || unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(`_'`, r) || CheckDelimiter(r) != nil {
			continue
		}
		tried += string(r)
		other := rows{text: newText(bytes.NewReader(s.raw), len(s.raw)), delim: []byte(string(r)), plain: s.plain}
		if found, err := other.read(); err != nil || found.fault != nil {
			continue
		}
		if _, err := newTable(other.fields(nil, string(s.raw)), m); err == nil {
			return r, true
		}
	}
	return 0, false
}

// explain is the refusal of a header, or that of a title if a later row is the header.
func (s *sheetSource) explain(refused *Refusal, title []string, m Mapper) error {
	for range titleRows {
		row, err := s.rows.next()
		if err != nil {
			break
		}
		if len(row.faults) > 0 || blankRow(row.fields) {
			continue
		}
		if _, err := newTable(row.fields, m); err == nil {
			return belowTitle("header", strings.TrimSpace(strings.Join(title, " ")), row.number)
		}
	}
	return refused
}
