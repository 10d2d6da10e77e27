package producer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Format is the format of a file of records.
type Format string

// The formats. Detect chooses one by the first line that is not blank.
const (
	Detect Format = ""
	NDJSON Format = "ndjson" // one body per line
	CSV    Format = "csv"    // RFC 4180, with a header
)

// DefaultMaxLine is the maximum length of a record in a file, in bytes, unless
// ReaderOptions.MaxLine says otherwise. It is much greater than the worker's limit
// on bodies, so it is the worker that refuses long ones.
const DefaultMaxLine = 16 << 20

// Line is one record of a file.
type Line struct {
	Number int // number of the line on which the record begins; the first is 1
	After  int // number of the line after the record
	Body   []byte
	// End is the offset of the end of the record in the file, in bytes; -1 if the
	// file is compressed.
	End int64

	blank int // number of blank lines before the end of the record
}

// LineError says that a file can't be read from a line on.
type LineError struct {
	Line int
	Err  error
	// BadRecord means that only the record on this line can't be read. Reading can
	// continue on a later line.
	BadRecord bool
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

func (e *LineError) Unwrap() error { return e.Err }

// ReaderOptions configures a Reader. The zero value is ready for use.
type ReaderOptions struct {
	Format   Format // the zero value is Detect
	Name     string // name of the file; with .csv or .tsv at its end Detect requires a CSV header
	FromLine int    // the line to begin with, on which a record must begin; lines before it, except a CSV header, are skipped
	MaxLine  int    // maximum length of a record in bytes; 0 means DefaultMaxLine
}

// Reader reads records from a file, which may be compressed with gzip and may begin
// with a byte order mark. It is not safe for concurrent use.
type Reader struct {
	source source
	format Format
	packed bool
	blank  int
}

// source reads one format. next returns the next record, or io.EOF with the line
// number at the end of the file in After, and the number of blank lines passed. A
// Line without a body is a blank line.
type source interface {
	next() (line Line, blank int, err error)
}

// NewReader returns a Reader of r. It fails if r can't be read, or if r must be CSV
// but has no header (ErrNoHeader).
func NewReader(r io.Reader, o ReaderOptions) (*Reader, error) {
	if o.MaxLine <= 0 {
		o.MaxLine = DefaultMaxLine
	}
	text, err := newText(r)
	if err != nil {
		return nil, err
	}
	if o.Format == Detect {
		if o.Format, err = detect(firstLine(text.Reader), o.Name); err != nil {
			return nil, err
		}
	}
	reader := &Reader{format: o.Format, packed: text.packed}
	lines := &lineSource{text: text.Reader, max: o.MaxLine, from: o.FromLine, line: 1, at: text.at}
	switch o.Format {
	case NDJSON:
		reader.source = lines
	case CSV:
		reader.source, err = newCSVSource(lines)
	default:
		err = fmt.Errorf("unknown format %q: want ndjson or csv", o.Format)
	}
	return reader, err
}

// Format returns the format of the file.
func (r *Reader) Format() Format { return r.format }

// Blank returns the number of blank lines passed so far.
func (r *Reader) Blank() int { return r.blank }

// Next returns the next record. After the last one it returns io.EOF and a Line that
// has only After set. An error in the file is a *LineError. The caller owns the
// body.
func (r *Reader) Next() (Line, error) {
	for {
		line, blank, err := r.source.next()
		r.blank += blank
		line.blank = r.blank
		if r.packed {
			line.End = -1
		}
		if err != nil || line.Body != nil {
			return line, err
		}
	}
}

// ErrNoHeader means that a CSV file's first line does not name the columns.
var ErrNoHeader = errors.New("no CSV header")

// detect recognizes CSV by a header with at least one known column. Anything else is
// NDJSON, except in a file named like CSV whose first line does not begin like a
// JSON object: each row would be sent unchanged, which is not what was intended.
func detect(first []byte, name string) (Format, error) {
	if header, _ := parseHeader(first); len(header) > 0 {
		return CSV, nil
	}
	if ending := csvEnding(name); ending != "" && len(first) > 0 && first[0] != '{' {
		return Detect, fmt.Errorf("the name of the file ends in %s, but it has %w: its first line names none of %s", ending, ErrNoHeader, strings.Join(columns, ", "))
	}
	return NDJSON, nil
}

// csvEnding returns the extension of a name of a CSV file, compressed or not.
func csvEnding(name string) string {
	name = strings.TrimSuffix(strings.ToLower(name), ".gz")
	if ending := path.Ext(name); ending == ".csv" || ending == ".tsv" {
		return ending
	}
	return ""
}

// firstLine returns the first line that is not blank, or its beginning, without
// consuming it. It reads no more than that line.
func firstLine(text *bufio.Reader) []byte {
	for n := 1; ; n = max(n+1, text.Buffered()) {
		seen, err := text.Peek(n)
		line := bytes.TrimLeft(seen, " \t\r\n")
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			return line[:end]
		}
		if err != nil {
			return line
		}
	}
}
