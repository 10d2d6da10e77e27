package file

import (
	"encoding/binary"
	"unicode/utf8"
)

// ndjson reads each line as a body. A line that is not JSON in UTF-8 is for the
// worker to refuse, like any other body, unless the file is in another encoding.
type ndjson struct {
	text   *text
	in     *opened
	from   int
	mapper Mapper
	copies copies
	// checked means that a line that is invalid in the file's encoding is an error. A
	// file without a byte order mark is not UTF-8 if its first line with other characters
	// than ASCII is not.
	checked, decided bool
}

func (s *ndjson) next() (Line, error) {
	t := s.text
	if err := t.passBroken(); err != nil {
		return Line{After: t.line}, t.fault(err)
	}
	line := Line{Number: t.line, After: t.line + 1}
	end, next, err := t.lineAt(0)
	if err != nil {
		return Line{After: t.line}, t.fault(longWrapper(err, t.window()))
	}
	raw := t.window()[:end]
	s.decide(raw)
	if !blank(raw) && line.Number >= s.from {
		line.Raw = s.copies.of(raw)
		line.Body, line.Err = s.body(line)
		if line.Err != nil {
			line.Raw = s.in.undecoded(line.Raw)
		}
	}
	t.consume(next, 1)
	line.End = s.in.offset(t.at)
	return line, nil
}

// decide decides whether lines are checked.
func (s *ndjson) decide(line []byte) {
	if s.decided {
		return
	}
	if s.in.from != nil || s.in.skipped > 0 { // or it says that it is UTF-8
		s.checked, s.decided = true, true
	} else if !isASCII(line) {
		s.checked, s.decided = !utf8.Valid(line), true
	}
}

// isASCII takes eight bytes at a time, since it is asked of each line.
func isASCII(line []byte) bool {
	const high = 0x8080808080808080
	for ; len(line) >= 8; line = line[8:] {
		if binary.LittleEndian.Uint64(line)&high != 0 {
			return false
		}
	}
	for _, c := range line {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (s *ndjson) body(line Line) ([]byte, error) {
	if s.checked {
		return object(s.in, s.mapper, line.Number, line.Raw)
	}
	return mapped(s.mapper, line.Number, line.Raw)
}

func (s *ndjson) close() error { return nil }
