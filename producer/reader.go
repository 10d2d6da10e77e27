package producer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// Format is how a file holds its records.
type Format string

// The formats. Detect decides by the first line that is not blank.
const (
	Detect Format = ""
	NDJSON Format = "ndjson" // one body a line
	CSV    Format = "csv"    // RFC 4180 with a header
)

// DefaultMaxLine is the length of a record in a file, in bytes, up to which it
// is read at all. It is far above MAX_RECORD_BYTES, so that the worker gets to
// judge bodies that are too long.
const DefaultMaxLine = 16 << 20

// Line is one record of a file.
type Line struct {
	Number int // of the line it begins on; the first is 1
	After  int // the number of the line after it
	Body   []byte

	blank int // blank lines up to here
}

// LineError is a file that can't be read on from a line.
type LineError struct {
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

func (e *LineError) Unwrap() error { return e.Err }

// ReaderOptions say how a file is read; the zero value of each is usable.
type ReaderOptions struct {
	Format   Format
	FromLine int // earlier lines are left out, but for a CSV header; a record must begin on it
	MaxLine  int // bytes; 0 means DefaultMaxLine
}

// Reader takes records from a file of either format, which may be compressed by
// gzip and begin with a byte order mark. It is not safe for concurrent use.
type Reader struct {
	source source
	format Format
	blank  int
}

// source is one format: next returns the records in order, then io.EOF, and the
// number of blank lines that it passed. It may return a Line without a body
// for a blank one, and at the end does for the place where it ends.
type source interface {
	next() (line Line, blank int, err error)
}

// NewReader begins to read r. It fails if r is not readable, or has no header
// where it must be CSV.
func NewReader(r io.Reader, o ReaderOptions) (*Reader, error) {
	if o.MaxLine <= 0 {
		o.MaxLine = DefaultMaxLine
	}
	text, err := plainText(r)
	if err != nil {
		return nil, err
	}
	if o.Format == Detect {
		o.Format = detect(firstLine(text))
	}
	reader := &Reader{format: o.Format}
	lines := &lineSource{text: text, max: o.MaxLine, from: o.FromLine, line: 1}
	switch o.Format {
	case NDJSON:
		reader.source = lines
	case CSV:
		reader.source, err = newCSVSource(lines)
	default:
		err = fmt.Errorf("format %q is not known: want ndjson or csv", o.Format)
	}
	return reader, err
}

// Format is the format that is read, detected or given.
func (r *Reader) Format() Format { return r.format }

// Blank is the number of blank lines passed so far.
func (r *Reader) Blank() int { return r.blank }

// Next returns the next record, or io.EOF after the last, then with After set
// only. An error in the file is a *LineError. The body is the caller's to keep.
func (r *Reader) Next() (Line, error) {
	for {
		line, blank, err := r.source.next()
		r.blank += blank
		line.blank = r.blank
		if err != nil || line.Body != nil {
			return line, err
		}
	}
}

// plainText takes gzip and a byte order mark off.
func plainText(r io.Reader) (*bufio.Reader, error) {
	text := bufio.NewReaderSize(r, 64<<10)
	if magic, _ := text.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(text)
		if err != nil {
			return nil, fmt.Errorf("the file begins like gzip but is none: %w", err)
		}
		text = bufio.NewReaderSize(z, 64<<10)
	}
	mark, err := text.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(mark, []byte{0xef, 0xbb, 0xbf}):
		_, err = text.Discard(3)
		return text, err
	case bytes.HasPrefix(mark, []byte{0xff, 0xfe}), bytes.HasPrefix(mark, []byte{0xfe, 0xff}):
		return nil, errors.New("the file is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8")
	}
	return text, nil
}

// firstLine is the first line that is not blank, or its beginning, without
// taking it. It waits for no more than that line.
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

// detect knows CSV by a header that has one of the fields, and takes all else
// for one body a line.
func detect(first []byte) Format {
	if header, _ := parseHeader(first); len(header) > 0 {
		return CSV
	}
	return NDJSON
}
