package file

import (
	"bytes"
	"io"
)

// tape keeps the bytes that a decoder has read since the last cut, at most as many as
// it may need for a record of max bytes.
type tape struct {
	r    io.Reader
	max  int
	kept []byte
	from int64 // offset of kept in the input, in bytes
	err  error // of r
}

// readAhead is how much more than a record a decoder may have read: it doubles its
// buffer as it needs.
const readAhead = 64 << 10

func (t *tape) Read(p []byte) (int, error) {
	if t.err == nil && len(t.kept) > 2*t.max+readAhead {
		t.err = tooLong(t.max)
	}
	if t.err != nil {
		return 0, t.err
	}
	var n int
	n, t.err = t.r.Read(p)
	t.kept = append(t.kept, p[:n]...)
	return n, t.err
}

// cut removes and returns the bytes before the offset. They are valid until the next
// Read.
func (t *tape) cut(to int64) []byte {
	n := int(to - t.from)
	raw := t.kept[:n:n]
	t.kept, t.from = t.kept[n:], to
	return raw
}

// countLines returns the number of lines that end in a part of a text that does not
// end between CR and LF.
func countLines(part []byte) int {
	return bytes.Count(part, []byte("\n")) + bytes.Count(part, []byte("\r")) - bytes.Count(part, []byte("\r\n"))
}

// lineEnds reports whether the line surely has no other value after the cut.
func (t *tape) lineEnds() bool {
	rest := bytes.TrimLeft(t.kept, " \t,]")
	return len(rest) > 0 && (rest[0] == '\n' || rest[0] == '\r')
}
