package file

import (
	"bytes"
	"io"
)

// recordSeparator begins each value of a JSON text sequence (RFC 7464), as jq --seq
// writes it.
const recordSeparator = 0x1e

// separated replaces each record separator that begins a line by a space, which means
// nothing between JSON values. Within one, no line begins with it.
type separated struct {
	r      io.Reader
	within bool // what comes next does not begin a line
}

func (s *separated) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if n > 0 && bytes.IndexByte(p[:n], recordSeparator) < 0 {
		s.within = p[n-1] != '\n' && p[n-1] != '\r'
		return n, err
	}
	for i, c := range p[:n] {
		if c == recordSeparator && !s.within {
			p[i] = ' '
		}
		s.within = c != '\n' && c != '\r'
	}
	return n, err
}
