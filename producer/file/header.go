package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// delimiters are those that a header is tried with, in order of preference.
var delimiters = []string{",", ";", "\t", "|"}

// CheckDelimiter returns an error if r is not valid for Options.Delimiter.
func CheckDelimiter(r rune) error {
	if r == '"' || r == '\r' || r == '\n' || r == utf8.RuneError || !utf8.ValidRune(r) {
		return fmt.Errorf("%q can't separate fields", r)
	}
	return nil
}

// header consumes the header, and what is before it: blank lines, and a line like
// sep=; that names the delimiter. It chooses the delimiter.
func (s *csvSource) header(o Options) ([]string, error) {
	if err := CheckDelimiter(o.Delimiter); err != nil {
		return nil, &Refusal{Reason: err.Error(), Hint: HintDelimiter}
	}
	for {
		line, _ := firstLine(s.text)
		if delim, ok := namedDelimiter(line); ok && !s.named {
			if err := s.passBlank(); err != nil {
				return nil, err
			}
			if err := s.text.pass(); err != nil {
				return nil, &LineError{Line: s.text.line, Err: err}
			}
			s.delim, s.named = delim, true
			continue
		}
		if o.Delimiter != 0 {
			s.delim = utf8.AppendRune(nil, o.Delimiter)
		} else if s.delim == nil {
			s.delim = likelyDelimiter(line, len(o.Columns))
		}
		if len(o.Columns) > 0 {
			return slices.Clone(o.Columns), nil
		}
		if err := s.passBlank(); err != nil {
			return nil, err
		}
		names, err := s.names()
		if names != nil || err != nil {
			return names, err
		}
	}
}

// namedDelimiter returns the delimiter that a first line for Excel names.
func namedDelimiter(line []byte) (delim []byte, ok bool) {
	line = bytes.Trim(line, `" `)
	if len(line) < 5 || !bytes.EqualFold(line[:4], []byte("sep=")) {
		return nil, false
	}
	r, n := utf8.DecodeRune(line[4:])
	return bytes.Clone(line[4:]), n == len(line)-4 && CheckDelimiter(r) == nil
}

// likelyDelimiter returns the delimiter that splits a line into this number of
// fields, or else into the most.
func likelyDelimiter(line []byte, fields int) []byte {
	best, most := delimiters[0], 0
	for _, d := range delimiters {
		n := 1 + countUnquoted(line, d[0])
		if n == fields {
			return []byte(d)
		}
		if n > most {
			best, most = d, n
		}
	}
	return []byte(best)
}

func countUnquoted(line []byte, delim byte) (n int) {
	quoted := false
	for _, c := range line {
		if c == '"' {
			quoted = !quoted
		} else if c == delim && !quoted {
			n++
		}
	}
	return n
}

// passBlank consumes blank lines.
func (s *csvSource) passBlank() error {
	for {
		end, next, err := s.text.lineAt(0)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return &LineError{Line: s.text.line, Err: err}
		case !blank(s.text.window()[:end]):
			return nil
		}
		s.text.consume(next, 1)
	}
}

// names consumes a row and returns its fields, or nil if they are blank.
func (s *csvSource) names() ([]string, error) {
	found, err := s.read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, &Refusal{Reason: "the file has no CSV header: it is empty", Hint: HintHeader, Err: ErrNoHeader}
	case err != nil:
		return nil, &LineError{Line: s.text.line, Err: err}
	case found.fault != nil:
		line := s.text.line
		s.passFault(found)
		return nil, &Refusal{Reason: fmt.Sprintf("no CSV header: line %d, column %d: %s", line, found.fault.Column, found.fault.Reason), Hint: HintQuotes}
	}
	if i := s.in.invalid(found.raw); i >= 0 {
		fault := s.in.encodingFault(found.raw, i)
		line, column := s.text.line, s.columnAt(i)
		s.passFault(found)
		return nil, &Refusal{Reason: fmt.Sprintf("no CSV header: line %d, column %d: %s", line, column, fault.Reason), Hint: fault.Hint}
	}
	s.in.noteMisread(found.raw, func(i int) RowError { return RowError{Line: s.text.line, Column: s.columnAt(i)} })
	names := s.fields(nil, string(found.raw))
	s.raw = bytes.Clone(found.raw)
	s.text.consume(found.next, found.lines)
	if blankRow(names) {
		return nil, nil
	}
	return names, nil
}

// passFault consumes the first line of what is no header.
func (s *csvSource) passFault(found row) {
	s.raw = bytes.Clone(found.raw[:firstEnd(found.raw)])
	_ = s.text.pass() // the line is in the window
}
