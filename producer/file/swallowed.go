package file

import (
	"bytes"
	"fmt"
)

// minSwallowed is the smallest number of columns by which a row is known from other text.
const minSwallowed = 3

// checkSwallowed returns the fault of a row on several lines in one of whose fields whole
// rows seem to be, because the quote that opens it has no end of its own. If no record is
// made of that field, they are noted.
func (s *csvSource) checkSwallowed(line int, found row) *RowError {
	n := len(s.table.names)
	if n < minSwallowed {
		return nil
	}
	last := line + found.lines - 1
	for i, field := range s.spans[:min(n, len(s.spans))] {
		if !s.hasRows(found.raw[field.begin:field.end], i, n-1) {
			continue
		}
		fault := &RowError{Line: line, Column: i + 1, Field: s.table.column(i + 1), Hint: HintQuotes,
			Reason: fmt.Sprintf("the quoted value ends on line %d, and has lines that look like rows: perhaps a quote is missing", last)}
		if s.table.reads(i + 1) {
			return fault
		}
		fault.Reason = fmt.Sprintf("the quoted value ends on line %d, and has lines that look like rows: if rows are missing, a quote is", last)
		s.in.noteOnce("swallowed", fault.Error())
	}
	return nil
}

// hasRows reports whether a field has rows of this number of delimiters, of which the
// first has begun this number of delimiters before. They are whole lines within the
// field, or else its first line completes a row and its last line begins one.
func (s *csvSource) hasRows(field []byte, before, delimiters int) bool {
	end := firstEnd(field)
	if end == len(field) {
		return false
	}
	ends := func(line []byte) int { return bytes.Count(line, s.delim) }
	begin := 1 + bytes.LastIndexAny(field, "\r\n")
	if ends(field[:end]) >= delimiters-before && ends(field[begin:]) >= before {
		return true
	}
	for within := field[end:begin]; len(within) > 0; {
		end := firstEnd(within)
		if ends(within[:end]) >= delimiters {
			return true
		}
		within = within[min(end+1, len(within)):]
	}
	return false
}
