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

// columns are the known fields of a record. A header must name at least one.
var columns = []string{"customerId", "name", "email", "createdAt"}

// csvSource encodes each row as a JSON object of strings, named by the header. A row
// that is not valid CSV becomes a body unchanged.
type csvSource struct {
	csv    *csv.Reader
	tape   *tape
	header []string
	line   int   // number of the next line
	begin  int64 // offset of the first row in the text, in bytes
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

// parseHeader splits a line by the separator that gives at least one known column.
// If none does, header is nil.
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

// unnamed returns the name for a column without a name in the header.
func unnamed(i int) string { return "column" + strconv.Itoa(i+1) }

// passHeader discards the header, blank lines before it, and the lines to skip.
// Those are not parsed, so an unclosed quote in one of them has no effect.
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

var errUnclosed = errors.New("a quoted field in this CSV record is not closed correctly")

// withoutBlanks removes and counts the empty lines before a record, which the csv
// package skips silently.
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

// place returns the line numbers of a record, given its text and the number of
// blank lines before it.
func (s *csvSource) place(raw []byte, blanks int) Line {
	line := Line{Number: s.line + blanks}
	line.After = line.Number + bytes.Count(raw, []byte("\n"))
	if !bytes.HasSuffix(raw, []byte("\n")) && len(raw) > 0 {
		line.After++ // the last line may lack a line feed
	}
	s.line = line.After
	return line
}

// object encodes a row as a JSON object, without columns that the row lacks. Invalid
// UTF-8 stays unchanged, and the worker refuses it.
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

// appendQuoted appends s as a JSON string (RFC 8259, section 7), byte by byte.
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

// tape keeps the bytes read since the last cut, at most max and a read-ahead.
// Otherwise an unclosed quote would make the rest of the file one field.
type tape struct {
	r    io.Reader
	max  int
	kept []byte
	from int64 // offset of kept in the input, in bytes
}

const readAhead = 4096 // of the csv package, in bytes

func (t *tape) Read(p []byte) (int, error) {
	if len(t.kept) > t.max+readAhead {
		return 0, tooLong(t.max)
	}
	n, err := t.r.Read(p)
	t.kept = append(t.kept, p[:n]...)
	return n, err
}

// cut removes and returns the bytes before the offset. They are valid until the next
// Read.
func (t *tape) cut(to int64) []byte {
	n := int(to - t.from)
	raw := t.kept[:n:n]
	t.kept, t.from = t.kept[n:], to
	return raw
}
