package file

import (
	"bytes"
	"errors"
	"io"
)

// text is the UTF-8 content of a file, read through a window that moves along it.
// Positions within the window count from its first byte.
type text struct {
	r        io.Reader
	buf      []byte
	pos, end int      // buf[pos:end] is the window
	err      error    // the error of r, after which the window does not grow
	max      int      // maximum length of a record, in bytes
	at       int64    // offset of the window in the content, in bytes
	line     int      // number of the line with which the window begins
	broken   bool     // the record on it can't be read
	noLF     [2]int64 // no LF is between these offsets in the content
}

const windowSize = 256 << 10

func newText(r io.Reader, maxLine int) *text {
	return &text{r: r, buf: make([]byte, windowSize), max: maxLine, line: 1}
}

func (t *text) window() []byte { return t.buf[t.pos:t.end] }

// lineAt finds the end of the line that begins at a position in the window, and
// where the next one begins. It returns tooLong if the line ends beyond max, and
// io.EOF if the content ends at from.
func (t *text) lineAt(from int) (end, next int, err error) {
	for scan := from; ; {
		i := t.index(scan)
		if i >= 0 {
			scan = i
			if next := t.afterEnd(i); next > 0 && i <= t.max {
				return i, next, nil
			}
		} else {
			scan = t.end - t.pos
		}
		switch {
		case scan > t.max:
			return 0, 0, tooLong(t.max)
		case t.err == io.EOF && scan > from:
			return scan, scan, nil // the last line may lack a line end
		case t.err != nil:
			return 0, 0, t.err
		}
		t.fill()
	}
}

// index returns the position of the first CR or LF at or after from, or -1.
func (t *text) index(from int) int {
	seen := t.window()
	lf := t.indexLF(from)
	if cr := bytes.IndexByte(seen[from:lf], '\r'); cr >= 0 {
		return from + cr
	}
	if lf < len(seen) {
		return lf
	}
	return -1
}

// indexLF returns the position of the first LF at or after from, or the window's
// length. In a file of CRs, it does not search the same part again for each line.
func (t *text) indexLF(from int) int {
	seen, lf := t.window(), from
	if begin := t.at + int64(from); begin < t.noLF[0] || begin > t.noLF[1] {
		t.noLF[0] = begin
	} else {
		lf = int(t.noLF[1] - t.at)
	}
	if i := bytes.IndexByte(seen[lf:], '\n'); i >= 0 {
		lf += i
	} else {
		lf = len(seen)
	}
	t.noLF[1] = t.at + int64(lf)
	return lf
}

// afterEnd returns the position after the line end that begins at i. It returns 0
// if that is a CR and the window must grow to show whether an LF follows.
func (t *text) afterEnd(i int) int {
	seen := t.window()
	switch {
	case seen[i] == '\n':
		return i + 1
	case i+1 < len(seen) && seen[i+1] == '\n':
		return i + 2
	case i+1 < len(seen) || t.err != nil:
		return i + 1
	}
	return 0
}

// consume moves the window past n bytes that contain this number of line ends.
func (t *text) consume(n, lines int) {
	t.pos += n
	t.at += int64(n)
	t.line += lines
}

// pass consumes a line of any length. It returns io.EOF only if nothing is left.
func (t *text) pass() error {
	for begun := false; ; {
		if i := t.index(0); i >= 0 {
			if next := t.afterEnd(i); next > 0 {
				t.consume(next, 1)
				return nil
			}
			t.consume(i, 0)
		} else {
			begun = begun || t.pos < t.end
			t.consume(t.end-t.pos, 0)
		}
		if t.err == io.EOF && begun {
			t.line++
			return nil
		}
		if t.err != nil {
			return t.err
		}
		t.fill()
	}
}

// fault makes a *LineError of the error of a line. If that is too long, it is passed
// before the next one is read.
func (t *text) fault(err error) error {
	if err == io.EOF {
		return err
	}
	var long tooLong
	t.broken = errors.As(err, &long)
	return &LineError{Line: t.line, Err: err, BadRecord: t.broken}
}

// passBroken consumes the first line of a record that can't be read.
func (t *text) passBroken() error {
	if !t.broken {
		return nil
	}
	t.broken = false
	return t.pass()
}

// fill makes the window grow by what can be read at once.
func (t *text) fill() {
	if t.pos == t.end {
		t.pos, t.end = 0, 0
	}
	if t.end == len(t.buf) {
		buf := t.buf
		if t.pos < len(buf)/2 {
			buf = make([]byte, 2*len(buf))
		}
		t.end = copy(buf, t.window())
		t.buf, t.pos = buf, 0
	}
	const maxEmptyReads = 100
	for range maxEmptyReads {
		n, err := t.r.Read(t.buf[t.end:])
		t.end += n
		if t.err = err; n > 0 || err != nil {
			return
		}
	}
	t.err = io.ErrNoProgress
}

// Read consumes the content without counting its lines.
func (t *text) Read(p []byte) (int, error) {
	if t.pos == t.end && t.err == nil {
		t.fill()
	}
	if t.pos == t.end {
		return 0, t.err
	}
	n := copy(p, t.window())
	t.consume(n, 0)
	return n, nil
}

func blank(line []byte) bool { return len(bytes.TrimLeft(line, " \t\v\f")) == 0 }
