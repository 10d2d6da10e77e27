package file

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Head is what is known of a file before its first record.
type Head struct {
	Format Format
	// Preamble is what must be before the rows of this file, in UTF-8 and each on lines
	// of its own, to be read with the same Options: a byte order mark, unless this is
	// plain UTF-8 without one; lines to skip; a line that names the delimiter, if it is not found
	// otherwise; and the header.
	Preamble []byte
	Empty    bool // nothing but blank lines: no result of an export, but of one that failed
}

// Head returns what is known before the first record.
func (r *Reader) Head() Head { return r.head }

func headOf(o Options, in *opened, s source) Head {
	h := Head{Format: o.Format, Empty: in.empty}
	if o.Format == XLSX || in.from != nil || in.skipped > 0 {
		h.Preamble = append(h.Preamble, markUTF8...)
	}
	h.Preamble = append(h.Preamble, strings.Repeat("\n", o.SkipLines)...)
	if s, ok := s.(interface{ preamble() []byte }); ok {
		h.Preamble = append(h.Preamble, s.preamble()...)
	}
	return h
}

func (s *csvSource) preamble() []byte {
	return preamble(s.raw, s.delim, s.named || s.raw == nil || !s.given && !found(s.raw, s.delim))
}

// CSV of a sheet has commas.
func (s *sheetSource) preamble() []byte {
	return preamble(s.raw, []byte(","), !found(s.raw, []byte(",")))
}

// emptyText reports whether a text has no line that is not blank.
func emptyText(t *text) bool {
	line, _ := firstLine(t)
	return len(line) == 0 && t.err == io.EOF
}

// found reports whether the delimiter is found by the header. Without a header it
// depends on the first row.
func found(header, delim []byte) bool {
	return header != nil && bytes.Equal(likelyDelimiter(header[:firstEnd(header)], 0), delim)
}

// preamble returns the lines before the first row: sep= if the delimiter is to be
// named, and the header unless it is nil.
func preamble(header, delim []byte, named bool) (lines []byte) {
	if named {
		lines = fmt.Appendf(lines, "sep=%s\n", delim)
	}
	if header != nil {
		lines = append(append(lines, header...), '\n')
	}
	return lines
}
