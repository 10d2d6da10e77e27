package file

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// rows splits a text into rows of fields (RFC 4180), with any delimiter and line end.
// A quoted field keeps its line ends as they are.
type rows struct {
	text  *text
	delim []byte
	plain bool   // quotes are ordinary characters
	spans []span // of the last row
}

// span is a field within the text of its row, without its quotes.
type span struct {
	begin, end int
	doubled    bool // has doubled quotes
}

// row is the text of a row in the window, which is not consumed.
type row struct {
	raw   []byte
	next  int // position after its line end
	lines int
	fault *RowError // in its quoting
}

// read returns the row with which the window begins, and its fields in spans.
func (r *rows) read() (found row, err error) {
	end, next, err := r.text.lineAt(0)
	if err != nil {
		return row{}, err
	}
	found = row{raw: r.text.window()[:end], next: next, lines: 1}
	r.spans = r.spans[:0]
	if r.plain || bytes.IndexByte(found.raw, '"') < 0 {
		r.split(found.raw)
	} else {
		err = r.splitQuoted(&found)
	}
	return found, err
}

// split splits a row without quotes.
func (r *rows) split(raw []byte) {
	for at := 0; ; {
		n := bytes.Index(raw[at:], r.delim)
		if n < 0 {
			r.spans = append(r.spans, span{begin: at, end: len(raw)})
			return
		}
		r.spans = append(r.spans, span{begin: at, end: at + n})
		at += n + len(r.delim)
	}
}

// splitQuoted splits a row with quotes, and extends it as long as a field is open.
func (r *rows) splitQuoted(found *row) error {
	for at := 0; ; {
		if at == len(found.raw) || found.raw[at] != '"' {
			n := bytes.Index(found.raw[at:], r.delim)
			last := n < 0
			if last {
				n = len(found.raw) - at
			}
			if bytes.IndexByte(found.raw[at:at+n], '"') >= 0 {
				found.fault = r.fault(strayQuote(found.raw[at : at+n]))
				return nil
			}
			r.spans = append(r.spans, span{begin: at, end: at + n})
			if last {
				return nil
			}
			at += n + len(r.delim)
			continue
		}
		field, err := r.quoted(found, at)
		if err != nil || found.fault != nil {
			return err
		}
		at = field.end + 1
		last := at == len(found.raw)
		if !last && !bytes.HasPrefix(found.raw[at:], r.delim) {
			found.fault = r.fault("text follows the closing quote of the field")
			return nil
		}
		r.spans = append(r.spans, field)
		if last {
			return nil
		}
		at += len(r.delim)
	}
}

// quoted finds the end of the quoted field that begins at a position.
func (r *rows) quoted(found *row, at int) (span, error) {
	field := span{begin: at + 1}
	for i := field.begin; ; {
		n := bytes.IndexByte(found.raw[i:], '"')
		if n < 0 {
			i = len(found.raw)
			if err := r.extend(found); err != nil || found.fault != nil {
				return field, err
			}
			continue
		}
		i += n + 1
		if i == len(found.raw) || found.raw[i] != '"' {
			field.end = i - 1
			return field, nil
		}
		field.doubled = true
		i++
	}
}

// extend adds a line to a row.
func (r *rows) extend(found *row) error {
	end, next, err := r.text.lineAt(found.next)
	if err == io.EOF {
		found.fault = r.fault("the quoted field is not closed")
		return nil
	}
	if err != nil {
		return err
	}
	found.raw, found.next = r.text.window()[:end], next
	found.lines++
	return nil
}

// fault is a fault in the field after those in spans.
func (r *rows) fault(reason string) *RowError {
	return &RowError{Column: len(r.spans) + 1, Reason: reason, Hint: HintQuotes}
}

func strayQuote(field []byte) string {
	if strings.HasPrefix(strings.TrimLeft(string(field), " \t"), `"`) {
		return "a space is before the opening quote of the field"
	}
	return "a quote is within a field that does not begin with one; quote the field and double the quote"
}

// fields appends the fields of the last row to dst. They share the memory of raw.
func (r *rows) fields(dst []string, raw string) []string {
	for _, s := range r.spans {
		field := raw[s.begin:s.end]
		if s.doubled {
			field = strings.ReplaceAll(field, `""`, `"`)
		}
		dst = append(dst, field)
	}
	return dst
}

// columnAt returns the number of the field at a position in the last row.
func (r *rows) columnAt(i int) int {
	for n, s := range r.spans {
		if i <= s.end {
			return n + 1
		}
	}
	return len(r.spans)
}

// lineFault is the fault of a row on several lines. Reading continues on the second:
// perhaps the quoted field was meant to end on the first.
func (r *rows) lineFault(fault *RowError) error {
	r.text.broken = true
	err := fmt.Errorf("a quoted field of this record is not closed correctly: in column %d, %s", fault.Column, fault.Reason)
	return &LineError{Line: r.text.line, Err: err, BadRecord: true, Hint: HintQuotes}
}
