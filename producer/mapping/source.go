package mapping

import (
	"slices"
	"strings"
)

// source is the value of a field in terms of a row.
type source struct {
	prefix   string
	columns  []joined
	suffix   string
	mark     string // removed from the beginning of a column's value
	constant bool   // there are no columns: the value is prefix
	// converted means that prefix is a time in its final form.
	converted bool
	utc       bool    // times without an offset are in UTC
	next      *source // used instead in rows in which this has no value; nil: there is none

	text string // while it is built: the text after the last column
}

// joined is a column, and the text between it and the one before it.
type joined struct {
	column    int // index in the row, or none
	separator string
}

const none = -1

func (s *source) addText(text string) { s.text += text }

func (s *source) addColumn(column int) {
	if len(s.columns) == 0 {
		s.prefix = s.text
		s.columns = append(s.columns, joined{column: column})
	} else {
		s.columns = append(s.columns, joined{column, s.text})
	}
	s.text = ""
}

// end completes the source after its last part.
func (s *source) end() {
	if s.constant = len(s.columns) == 0; s.constant {
		s.prefix = s.text
	} else {
		s.suffix = s.text
	}
	s.text = ""
}

// single returns the index of the column whose value is that of the field, if there
// is one.
func (s *source) single() (column int, ok bool) {
	if len(s.columns) != 1 || s.prefix != "" || s.suffix != "" {
		return none, false
	}
	return s.columns[0].column, true
}

// of returns the source that a row has a value for, or s if there is none.
func (s *source) of(row []string) *source {
	if s.next == nil {
		return s
	}
	for c := s; c != nil; c = c.next {
		if !c.blank(row) {
			return c
		}
	}
	return s
}

// blank reports whether no column has a value.
func (s *source) blank(row []string) bool {
	for _, c := range s.columns {
		if c.column != none && strings.TrimSpace(strings.TrimPrefix(row[c.column], s.mark)) != "" {
			return false
		}
	}
	return !s.constant
}

// used returns the columns that exist.
func (s *source) used() (columns []int) {
	for _, c := range s.columns {
		if c.column != none && !slices.Contains(columns, c.column) {
			columns = append(columns, c.column)
		}
	}
	return columns
}

// within reports whether another source has all columns of this one.
func (s *source) within(other *source) bool {
	has := other.used()
	return !slices.ContainsFunc(s.used(), func(column int) bool { return !slices.Contains(has, column) })
}

// value returns the field's value.
func (s *source) value(row []string) string {
	if column, ok := s.single(); ok {
		return strings.TrimPrefix(row[column], s.mark)
	}
	if s.constant {
		return s.prefix
	}
	var b strings.Builder
	s.each(row, func(text string) { b.WriteString(text) })
	return b.String()
}

// appendTo appends the field's value to JSON text, within its quotes.
func (s *source) appendTo(body []byte, row []string) []byte {
	if column, ok := s.single(); ok {
		return appendEscaped(body, strings.TrimPrefix(row[column], s.mark))
	}
	if s.constant {
		return appendEscaped(body, s.prefix)
	}
	s.each(row, func(text string) { body = appendEscaped(body, text) })
	return body
}

// each calls f with the texts that form the value. There are none if no column has
// a value.
func (s *source) each(row []string, f func(string)) {
	first := true
	for _, c := range s.columns {
		if c.column == none {
			continue
		}
		v := strings.TrimSpace(strings.TrimPrefix(row[c.column], s.mark))
		switch {
		case v == "":
			continue
		case first:
			f(s.prefix)
		default:
			f(c.separator)
		}
		f(v)
		first = false
	}
	if !first {
		f(s.suffix)
	}
}
