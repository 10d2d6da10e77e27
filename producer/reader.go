package producer

import (
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
	// End is the offset in the file, in bytes, up to which it is read with this
	// record; -1 where the file is compressed.
	End int64

	blank int // blank lines up to here
}

// LineError is a file that can't be read on from a line.
type LineError struct {
	Line int
	Err  error
	// BadRecord says that the record itself is at fault, not the reading: what
	// comes after it can be read.
	BadRecord bool
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

func (e *LineError) Unwrap() error { return e.Err }

// ReaderOptions say how a file is read; the zero value of each is usable.
type ReaderOptions struct {
	Format   Format
	Name     string // of the file; .csv or .tsv at its end lets Detect refuse what has no header
	FromLine int    // earlier lines are left out, but for a CSV header; a record must begin on it
	MaxLine  int    // bytes; 0 means DefaultMaxLine
}

// Reader takes records from a file of either format, which may be compressed by
// gzip and begin with a byte order mark. It is not safe for concurrent use.
type Reader struct {
	source source
	format Format
	packed bool
	blank  int
}

// source is one format: next returns the records in order, then io.EOF, and the
// number of blank lines that it passed. It may return a Line without a body
// for a blank one, and at the end does for the place where it ends.
type source interface {
	next() (line Line, blank int, err error)
}

// NewReader begins to read r. It fails if r is not readable, or has no header
// where it must be CSV (ErrNoHeader).
func NewReader(r io.Reader, o ReaderOptions) (*Reader, error) {
	if o.MaxLine <= 0 {
		o.MaxLine = DefaultMaxLine
	}
	text, err := plainText(r)
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
		if r.packed {
			line.End = -1
		}
		if err != nil || line.Body != nil {
			return line, err
		}
	}
}
