package file

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Hint tells which option may help with a fault.
type Hint int

// The hints.
const (
	NoHint            Hint = iota
	HintDelimiter          // Options.Delimiter
	HintEncoding           // Options.Encoding, which is not UTF-8
	HintUTF16              // Options.Encoding, which is utf-16
	HintOtherEncoding      // another Options.Encoding than is given
	HintFormat             // Options.Format
	HintQuote              // no option: the quoting in the file is wrong
	HintQuotes             // Options.NoQuotes, if the file does not quote fields
	HintHeader             // Options.Columns, or a Mapper that knows these columns
	HintMembers            // a Mapper that knows these members
	HintOneColumn          // Options.Delimiter, or else as HintHeader: the header has one column
	HintSkipLines          // Options.SkipLines
	HintSheet              // Options.Sheet
	HintFromLine           // Options.FromLine
	HintTime               // a Mapper that knows how these times are written
	HintFields             // a Mapper that takes other columns or members for these fields
	HintFixed              // a Mapper that gives other values for these fields

	// An option is given that a file of this format has no use for.
	HintNoSheet     // Options.Sheet
	HintNoDelimiter // Options.Delimiter
	HintNoColumns   // Options.Columns
	HintNoEncoding  // Options.Encoding
	HintNoQuotes    // Options.NoQuotes
)

// RowError says why a row of the file is not a record. Reading continues after it.
type RowError struct {
	Line   int    // 0 means unknown
	Column int    // number of the field in its row; the first is 1, and 0 means unknown
	Field  string // name of the column or member; empty means unknown
	Reason string
	Hint   Hint
	Err    error // of the Mapper, a *mapping.Error; nil if it is the reader's
}

func (e *RowError) Error() string {
	var at string
	if e.Line > 0 {
		at = fmt.Sprintf("line %d", e.Line)
	}
	if e.Column > 0 {
		at = strings.TrimPrefix(fmt.Sprintf("%s, column %d", at, e.Column), ", ")
	}
	switch {
	case e.Field != "" && at != "":
		at += " (" + e.Field + ")"
	case e.Field != "":
		at = e.Field
	}
	if at == "" {
		return e.Reason
	}
	return at + ": " + e.Reason
}

func (e *RowError) Unwrap() error { return e.Err }

// LineError says that a file can't be read from a line on. If it is
// io.ErrUnexpectedEOF, the file is not complete.
type LineError struct {
	Line int
	Err  error
	// BadRecord means that only the record on this line can't be read. The next call
	// of Next continues on the following line, which may be within the record.
	BadRecord bool
	Hint      Hint
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

func (e *LineError) Unwrap() error { return e.Err }

// Refusal says why no record of a file is read.
type Refusal struct {
	Reason string
	Hint   Hint
	Skip   int   // the Options.SkipLines that may help; 0 means unknown
	Err    error // what the reason is about, or nil
	Values bool  // it is about the values of the first records; with Options.Format, they are not judged
}

func (e *Refusal) Error() string { return e.Reason }

func (e *Refusal) Unwrap() error { return e.Err }

// Damage says that a compressed file is damaged. What was read before it may be wrong.
type Damage struct {
	Format  string // gzip or zstd
	Problem string
	At      int64 // about where it was found, in bytes of the file
	Err     error
}

func (d *Damage) Error() string {
	return fmt.Sprintf("the %s file is damaged: near byte %d, %s", d.Format, d.At, d.Problem)
}

func (d *Damage) Unwrap() error { return d.Err }

// ErrNoHeader means that a file of rows does not begin with the names of its columns.
var ErrNoHeader = errors.New("no CSV header")

// tooLong is the error of a record that exceeds this limit, in bytes.
type tooLong int

func (limit tooLong) Error() string {
	return fmt.Sprintf("the record is longer than %d bytes", int(limit))
}

// truncated is the error of a file that is not complete.
type truncated string

func (t truncated) Error() string { return string(t) }

// Is reports that it is io.ErrUnexpectedEOF.
func (t truncated) Is(target error) bool { return target == io.ErrUnexpectedEOF }
