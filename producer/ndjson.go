package producer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lineSource reads each line unchanged as a body.
type lineSource struct {
	text *bufio.Reader
	max  int
	from int
	line int   // number of the next line
	at   int64 // offset of the next line in the text, in bytes
}

func (s *lineSource) next() (line Line, blanks int, err error) {
	if err := s.skip(); err != nil {
		return Line{After: s.line}, 0, err
	}
	body, err := s.read()
	if err != nil {
		return Line{After: s.line}, 0, err
	}
	line = Line{Number: s.line, After: s.line + 1, Body: body, End: s.at}
	s.line++
	if blank(body) {
		line.Body, blanks = nil, 1
	}
	return line, blanks, nil
}

// skip discards the lines before the line to begin with.
func (s *lineSource) skip() error {
	for s.line < s.from {
		if err := s.pass(); err != nil {
			return err
		}
		s.line++
	}
	return nil
}

// read returns the next line without its line ending. It returns io.EOF only if
// nothing is left, not even an empty line.
func (s *lineSource) read() ([]byte, error) {
	var body []byte
	for {
		part, err := s.text.ReadSlice('\n')
		s.at += int64(len(part))
		if len(body)+len(part) > s.max+1 {
			return nil, &LineError{Line: s.line, Err: tooLong(s.max), BadRecord: true}
		}
		body = append(body, part...)
		switch {
		case err == nil, errors.Is(err, io.EOF) && len(body) > 0:
			return withoutEnd(body), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		default:
			return nil, &LineError{Line: s.line, Err: err}
		}
	}
}

// pass discards a line of any length.
func (s *lineSource) pass() error {
	for any := false; ; any = true {
		part, err := s.text.ReadSlice('\n')
		s.at += int64(len(part))
		switch {
		case err == nil, errors.Is(err, io.EOF) && any:
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return io.EOF
		default:
			return &LineError{Line: s.line, Err: err}
		}
	}
}

// withoutEnd removes a line feed and a carriage return before it.
func withoutEnd(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

// tooLong is the error of a record that exceeds this limit, in bytes.
type tooLong int

func (limit tooLong) Error() string {
	return fmt.Sprintf("the record is longer than %d bytes", int(limit))
}

func blank(body []byte) bool { return len(bytes.Trim(body, " \t\r\v\f")) == 0 }
