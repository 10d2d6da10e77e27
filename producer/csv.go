package producer

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// columns are the fields of a record; a header must have at least one of them.
var columns = []string{"customerId", "name", "email", "createdAt"}

// csvSource turns rows into JSON objects, each column a string by the header's
// name. A row that is not CSV is a body as it is.
type csvSource struct {
	csv    *csv.Reader
	tape   *tape
	header []string
	line   int   // number of the next line
	begin  int64 // offset in the text of what follows the header
}

func newCSVSource(lines *lineSource) (*csvSource, error) {
	header, comma := parseHeader(firstLine(lines.text))
	if header == nil {
		return nil, fmt.Errorf("the file has %w: want a first line with columns such as %s", ErrNoHeader, strings.Join(columns, ","))
	}
	for i, name := range header {
		if slices.Contains(header[:i], name) {
			return nil, fmt.Errorf("the CSV header has the column %q twice", name)
		}
	}
	if err := passHeader(lines); err != nil {
		return nil, err
	}
	t := &tape{r: lines.text, max: lines.max}
	c := csv.NewReader(t)
	c.Comma, c.FieldsPerRecord = comma, -1
	return &csvSource{csv: c, tape: t, header: header, line: lines.line, begin: lines.at}, nil
}

// parseHeader splits a line by the separator that makes one of its fields a
// column of ours; the header is nil if none does.
func parseHeader(first []byte) (header []string, comma rune) {
	for _, comma := range []rune{',', ';', '\t'} {
		c := csv.NewReader(bytes.NewReader(first))
		c.Comma = comma
		row, err := c.Read()
		if err != nil {
			continue
		}
		known := false
		for i, name := range row {
			row[i] = strings.TrimSpace(name)
			known = known || slices.Contains(columns, row[i])
			if row[i] == "" {
				row[i] = unnamed(i)
			}
		}
		if known {
			return row, comma
		}
	}
	return nil, 0
}

// unnamed is the name of a column that the header has none for.
func unnamed(i int) string { return "column" + strconv.Itoa(i+1) }

// passHeader takes off the header, blank lines before it, and the lines that are
// to be left out. Those are not parsed: a quote left open in one of them does
// not reach the rest.
func passHeader(lines *lineSource) error {
	from := lines.from
	lines.from = 0
	for {
		line, _, err := lines.next()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err != nil || line.Body != nil {
			break
		}
	}
	lines.from = from
	if err := lines.skip(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (s *csvSource) next() (line Line, blanks int, err error) {
	row, err := s.csv.Read()
	raw := s.tape.cut(s.csv.InputOffset())
	raw, blanks = withoutBlanks(raw)
	line = s.place(raw, blanks)
	line.End = s.begin + s.csv.InputOffset()
	var mistake *csv.ParseError
	var long tooLong
	switch {
	case errors.As(err, &mistake) && line.After-line.Number > 1:
		err = &LineError{Line: line.Number, Err: errUnclosed, BadRecord: true}
	case mistake != nil:
		line.Body, err = withoutEnd(bytes.Clone(raw)), nil
	case errors.Is(err, io.EOF):
	case err != nil:
		err = &LineError{Line: line.Number, Err: err, BadRecord: errors.As(err, &long)}
	case len(row) == 1 && blank([]byte(row[0])):
		blanks++
	default:
		line.Body = s.object(row)
	}
	return line, blanks, err
}

var errUnclosed = errors.New("a quoted field begins in this CSV record and is not closed as it should be")

// withoutBlanks takes off the empty lines before a record, over which the csv
// package passes by itself, and counts them.
func withoutBlanks(raw []byte) (rest []byte, blanks int) {
	for {
		rest, empty := bytes.CutPrefix(bytes.TrimPrefix(raw, []byte("\r")), []byte("\n"))
		if !empty {
			return raw, blanks
		}
		raw = rest
		blanks++
	}
}

// place is the record's lines, given its text and the blank lines before it.
func (s *csvSource) place(raw []byte, blanks int) Line {
	line := Line{Number: s.line + blanks}
	line.After = line.Number + bytes.Count(raw, []byte("\n"))
	if !bytes.HasSuffix(raw, []byte("\n")) && len(raw) > 0 {
		line.After++ // the last line need not end
	}
	s.line = line.After
	return line
}

// object is the row as a JSON object. A column that the row lacks is missing
// there too. What is no UTF-8 stays as it is, for the worker to refuse.
func (s *csvSource) object(row []string) []byte {
	size := 2
	for i, field := range row {
		size += len(field) + 16
		if i < len(s.header) {
			size += len(s.header[i])
		}
	}
	body := append(make([]byte, 0, size), '{')
	for i, field := range row {
		name := unnamed(i)
		if i < len(s.header) {
			name = s.header[i]
		}
		if i > 0 {
			body = append(body, ',')
		}
		body = append(appendQuoted(body, name), ':')
		body = appendQuoted(body, field)
	}
	return append(body, '}')
}

// appendQuoted writes a JSON string (RFC 8259, section 7) byte by byte.
func appendQuoted(body []byte, s string) []byte {
	const hex = "0123456789abcdef"
	body = append(body, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			body = append(body, '\\', c)
		case c < ' ':
			body = append(body, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			body = append(body, c)
		}
	}
	return append(body, '"')
}

// tape remembers what was read since the last cut, and refuses to remember more
// than max bytes (and a read-ahead): a quote that is never closed would otherwise
// take the rest of the file for one field.
type tape struct {
	r    io.Reader
	max  int
	kept []byte
	from int64 // offset of kept in the input
}

const readAhead = 4096 // of the csv package

func (t *tape) Read(p []byte) (int, error) {
	if len(t.kept) > t.max+readAhead {
		return 0, tooLong(t.max)
	}
	n, err := t.r.Read(p)
	t.kept = append(t.kept, p[:n]...)
	return n, err
}

// cut takes off what lies before the offset. It is valid until the next Read.
func (t *tape) cut(to int64) []byte {
	n := int(to - t.from)
	raw := t.kept[:n:n]
	t.kept, t.from = t.kept[n:], to
	return raw
}
