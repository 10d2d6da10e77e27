package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"ingestion/producer/mapping"
)

// Format is the format of a file of records.
type Format string

// The formats. Detect chooses one by the first line that is not blank.
const (
	Detect Format = ""
	NDJSON Format = "ndjson" // one body per line
	CSV    Format = "csv"    // RFC 4180, with a header
	JSON   Format = "json"   // objects one after another or in an array, on any number of lines
	XLSX   Format = "xlsx"   // a spreadsheet of Office Open XML, with a header
)

// Formats are the formats that Options.Format can name.
func Formats() []Format { return []Format{NDJSON, CSV, JSON, XLSX} }

// DefaultMaxLine is the maximum length of a record in a file, in bytes, unless
// Options.MaxLine says otherwise. It is much greater than the worker's limit
// on bodies, so it is the worker that refuses long ones.
const DefaultMaxLine = 16 << 20

// Line is one record of a file. CR, LF and CRLF each end a line.
type Line struct {
	Number int // number of the line on which the record begins, the first is 1; of a spreadsheet, the row
	// After is the number of the first line that may have a record after this one. It
	// is the line after the record, unless more JSON may follow on the same line.
	After int
	Blank int // number of blank lines before the end of the record

	Body []byte // one JSON object; nil if Err is set
	// Raw is the record as it stands in the file, in UTF-8 unless that is the fault, and
	// without its line end; of a spreadsheet, the row as CSV. It may share memory with
	// Body.
	Raw []byte
	Err error // a *RowError: this row is not a record; nil otherwise

	// Notes are about what is read in a way that may not be meant, here or in lines
	// before it that were skipped. They may come with io.EOF, and with any other error.
	Notes []string

	// End is the number of bytes of the file that are read: in a plain UTF-8 file those
	// up to the end of the record, in a compressed or converted one perhaps more; -1
	// if unknown.
	End int64
}

// Options configures a Reader. The zero value is ready for use.
type Options struct {
	Format   Format // the zero value is Detect
	Name     string // name of the file; empty for standard input
	FromLine int    // the line to begin with, on which a record must begin; lines before it, except a header, are skipped
	MaxLine  int    // maximum length of a record in bytes; 0 means DefaultMaxLine

	Encoding  string // utf-8, utf-16, utf-16le, utf-16be, latin1 or windows-1252; empty means UTF-8, or UTF-16 if the file begins with its byte order mark
	Delimiter rune   // between the fields of a row; 0 means comma, semicolon, tab or bar, whichever the header has
	// NoQuotes means that quotes are ordinary characters of a field, which then can't have
	// a delimiter or a line end. A field that is \N has no value, as in files of databases.
	NoQuotes  bool
	SkipLines int      // number of lines, or rows of a sheet, before the header or the first record
	Columns   []string // the header of a file without one
	Sheet     string   // name of the sheet of a spreadsheet; empty means the only one with rows
	Mapper    Mapper   // nil means that of mapping.Options{}: each field is the column of its name

	// Faults returns why the worker would refuse fields of a body; it is not ok if the
	// body is no JSON object. If it is not nil and Format is Detect, a file is refused if
	// a field is refused in all of its first 100 records.
	Faults  func(body []byte) (faults []FieldFault, ok bool)
	trusted bool // Format is given
}

// isBlank reports whether a line of a source is no record.
func (l *Line) isBlank() bool { return l.Body == nil && l.Err == nil }

// Reader reads records from a file. It is not safe for concurrent use.
type Reader struct {
	source source
	in     *opened
	head   Head
	from   int // no record on an earlier line is returned
	blank  int
}

// source reads one format. next returns the next record, or a Line without body and
// error for a blank line. At the end it returns io.EOF and a Line with After set.
// After a *LineError with BadRecord, next continues. It makes no body for a record
// that begins before the line from.
type source interface {
	next() (Line, error)
	close() error
}

// NewReader returns a Reader of r, which it opens as far as the first record. It
// fails if r can't be read, and with a *Refusal if r is in no known format or its
// columns are refused.
func NewReader(r io.Reader, o Options) (*Reader, error) {
	if o.MaxLine <= 0 {
		o.MaxLine = DefaultMaxLine
	}
	if o.Mapper == nil {
		m, err := mapping.New(mapping.Options{})
		if err != nil {
			return nil, err
		}
		o.Mapper = MapColumns(m)
	}
	o.trusted = o.Format != Detect
	in, err := open(r)
	if err != nil {
		return nil, err
	}
	if o.Format == XLSX && bytes.HasPrefix(in.begin(minHead), markUTF8) {
		o.Format = CSV // no spreadsheet begins like this, but what was rejected of one does
		in.noteOnce("format", "the file is text, and is read as CSV")
	}
	reader := &Reader{in: in, from: o.FromLine}
	if o.Format == XLSX || o.Format == Detect && isXLSX(in, o.Name) {
		o.Format = XLSX
		if err = checkUsed(o, XLSX); err == nil {
			reader.source, err = newSheet(in, o)
		}
		if err == nil {
			reader.source = sample(reader.source, o, judgeValues(o)...)
		}
	} else {
		o.Format, reader.source, err = newTextSource(in, o)
	}
	if err != nil {
		return nil, err
	}
	reader.head = headOf(o, in, reader.source)
	return reader, nil
}

// newTextSource opens a file of text. Without a format it refuses what is not text.
func newTextSource(in *opened, o Options) (Format, source, error) {
	t, err := openText(in, &o)
	if err != nil {
		return o.Format, nil, err
	}
	if o.Sheet != "" && o.Format == CSV && in.skipped > 0 {
		o.Sheet = "" // what was rejected of a spreadsheet begins with a byte order mark
		in.noteOnce("sheet", "the file is CSV, which has no sheets")
	}
	if !in.empty { // an empty file has no format
		if err := checkUsed(o, o.Format); err != nil {
			return o.Format, nil, err
		}
	}
	var s source
	switch o.Format {
	case NDJSON:
		s = &ndjson{text: t, in: in, from: o.FromLine, mapper: o.Mapper}
		s = sample(s, o, append(judgeObjects(o.Mapper), judgeValues(o)...)...)
	case CSV:
		var rows *csvSource
		if rows, err = newCSV(t, in, o); err == nil {
			s = sample(rows, o, judgeValues(o)...)
		}
	case JSON:
		s = sample(newJSON(t, in, o), o, append(judgeObjects(o.Mapper), judgeValues(o)...)...)
	default:
		err = fmt.Errorf("unknown format %q: want one of %v", o.Format, Formats())
	}
	return o.Format, s, err
}

// openText converts a file to UTF-8, passes the lines to skip, and detects the format
// unless that is given.
func openText(in *opened, o *Options) (*text, error) {
	detected := o.Format == Detect
	if detected {
		if err := refuseKind(in); err != nil {
			return nil, err
		}
	}
	if err := in.decode(o.Encoding); err != nil {
		return nil, err
	}
	t := newText(in, o.MaxLine)
	if in.empty = emptyText(t); !in.empty {
		if err := skipLines(t, o.SkipLines); err != nil {
			return nil, err
		}
	}
	if detected {
		if err := refuseText(t); err != nil {
			return nil, err
		}
		o.Format = detect(t, *o)
	}
	return t, nil
}

// Blank returns the number of blank lines passed so far.
func (r *Reader) Blank() int { return r.blank }

// Close frees what a spreadsheet needs. It does not close the file.
func (r *Reader) Close() error { return r.source.close() }

// Next returns the next record. After the last one it returns io.EOF and a Line that
// has only After, Blank and Notes set. An error in the file is a *LineError, one of
// Options.FromLine a *Refusal. The first call returns a *Refusal if the Mapper refuses
// the first objects of the file. The caller owns the body; one that is kept may keep up to
// 64 KiB in memory.
func (r *Reader) Next() (Line, error) {
	line, err := r.next()
	line.Notes = r.in.take()
	return line, err
}

func (r *Reader) next() (Line, error) {
	for {
		line, err := r.source.next()
		line.Blank = r.blank
		switch {
		case r.skips(err):
			continue
		case err == io.EOF && line.After < r.from:
			return line, pastEnd(r.from, line.After-1)
		case err != nil:
			return line, err
		case line.Number < r.from && r.from < line.After:
			return line, inside(r.from, line.Number)
		case line.Number < r.from:
			continue
		case line.isBlank():
			r.blank++
			continue
		}
		return line, nil
	}
}

// skips reports whether an error is of a record that the caller wants to skip.
func (r *Reader) skips(err error) bool {
	if err == nil || err == io.EOF {
		return false
	}
	var bad *LineError
	return errors.As(err, &bad) && bad.BadRecord && bad.Line < r.from
}

func pastEnd(from, last int) error {
	return &Refusal{Reason: fmt.Sprintf("line %d is past the end of the file, whose last line is %d", from, last), Hint: HintFromLine}
}

func inside(from, begin int) error {
	return &Refusal{Reason: fmt.Sprintf("line %d is inside the record that begins on line %d", from, begin), Hint: HintFromLine}
}
