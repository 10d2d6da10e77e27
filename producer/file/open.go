package file

import (
	"bufio"
	"bytes"
	"io"

	"golang.org/x/text/encoding"
)

// opened is a file whose content is decompressed.
type opened struct {
	*bufio.Reader                   // the content
	packed        *bufio.Reader     // the file
	read          *counter          // of the file
	changed       bool              // the content is not the bytes of the file
	from          encoding.Encoding // what it is converted from; nil: it is UTF-8
	skipped       int64             // length of the byte order mark
	empty         bool              // nothing but blank lines, if it is text
	notes
}

// offset returns how many bytes of the file are read, given how many of the text.
func (o *opened) offset(at int64) int64 {
	if o.changed {
		return o.position()
	}
	return o.skipped + at
}

// position returns how many bytes of the file were needed so far.
func (o *opened) position() int64 { return o.read.n - int64(o.packed.Buffered()) }

// counter counts the bytes that are read, and keeps the error after them.
type counter struct {
	r   io.Reader
	n   int64
	err error // nil at the end
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != io.EOF {
		c.err = err
	}
	return n, err
}

const (
	openBuffer = 64 << 10
	minHead    = 4 // bytes of a byte order mark or of a compressed file's magic number

	gzipMagic = "\x1f\x8b"
	zstdMagic = "\x28\xb5\x2f\xfd"
)

// open decompresses gzip and zstd.
func open(r io.Reader) (*opened, error) {
	read := &counter{r: r}
	in := bufio.NewReaderSize(read, openBuffer)
	o := &opened{Reader: in, packed: in, read: read}
	magic, err := in.Peek(minHead)
	if err != nil && err != io.EOF {
		return nil, err
	}
	var content io.Reader
	switch {
	case bytes.HasPrefix(magic, []byte(gzipMagic)):
		content, err = o.gunzip()
	case bytes.HasPrefix(magic, []byte(zstdMagic)):
		content, err = o.unzstd()
	default:
		return o, nil
	}
	if err != nil {
		return nil, err
	}
	o.Reader, o.changed = bufio.NewReaderSize(content, openBuffer), true
	return o, nil
}

// begin returns the first n bytes of the content, or all if there are fewer. It waits
// for them.
func (o *opened) begin(n int) []byte {
	begin, _ := o.Peek(n)
	return begin
}

// head returns the beginning of the content up to the end of the first line that is not
// blank, at most openBuffer bytes. It waits for as much, and for no more: a pipe may
// have no more for a while.
func (o *opened) head() []byte {
	begun := false
	for n := 1; n <= openBuffer; n++ {
		head := o.begin(n)
		if len(head) < n {
			return head
		}
		switch head[n-1] {
		case '\r', '\n':
			if begun {
				return head
			}
		case ' ', '\t':
		default:
			begun = true
		}
	}
	return o.begin(openBuffer)
}
