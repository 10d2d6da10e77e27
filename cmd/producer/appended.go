package main

import (
	"bufio"
	"errors"
	"io"
	"os"
)

// appended is a file that lines are appended to. Unless it is continued, what is in it
// stays until begin.
type appended struct {
	file     *os.File
	buffer   *bufio.Writer
	preamble string // the first lines of an empty file
	begun    bool
	ends     lineEnds // of what is in the file
}

func openAppended(name string, continued bool) (*appended, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600) // rows are personal data
	if err != nil {
		return nil, err
	}
	a := &appended{file: f, buffer: bufio.NewWriter(f)}
	if continued {
		var size int64
		if size, err = io.Copy(&a.ends, f); err != nil {
			return nil, errors.Join(err, a.close())
		}
		a.begun = size > 0
	}
	return a, nil
}

// line returns the number of the next line.
func (a *appended) line() int { return a.ends.n + 1 }

// begin makes sure that the next write begins a line of a file that this load began, or
// continues.
func (a *appended) begin() error {
	switch {
	case !a.begun:
		a.begun = true
		return errors.Join(a.file.Truncate(0), a.write(a.preamble))
	case a.ends.open:
		return a.write("\n")
	}
	return nil
}

func (a *appended) write(text string) error {
	_, _ = a.ends.Write([]byte(text))
	_, err := a.buffer.WriteString(text)
	return err
}

// end closes the file. If there is nothing in it, or nothing of a complete load, it is
// removed.
func (a *appended) end(complete bool) error {
	info, err := a.file.Stat()
	unused := !a.begun && (complete || err == nil && info.Size() == 0)
	err = errors.Join(err, a.close())
	if err == nil && unused {
		err = os.Remove(a.file.Name())
	}
	return err
}

func (a *appended) close() error { return errors.Join(a.buffer.Flush(), a.file.Close()) }

// lineEnds counts the line ends that are written to it: CR, LF and CRLF.
type lineEnds struct {
	n    int
	cr   bool // the last byte is CR
	open bool // the last line has no line end
}

func (l *lineEnds) Write(p []byte) (int, error) {
	for _, c := range p {
		if c == '\r' || c == '\n' && !l.cr {
			l.n++
		}
		l.cr, l.open = c == '\r', c != '\r' && c != '\n'
	}
	return len(p), nil
}
