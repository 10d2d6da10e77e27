package producer

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// text is the content of a file, decompressed and without a byte order mark.
type text struct {
	*bufio.Reader
	packed bool
	at     int64 // offset of the first line in the content, in bytes
}

const textBuffer = 64 << 10

// newText decompresses gzip and skips a byte order mark.
func newText(r io.Reader) (*text, error) {
	t := &text{Reader: bufio.NewReaderSize(r, textBuffer)}
	if magic, _ := t.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(t.Reader)
		if errors.Is(err, gzip.ErrHeader) {
			return nil, fmt.Errorf("the file begins like gzip but is not: %w", err)
		}
		if err != nil {
			return nil, gzipFault(err)
		}
		t.Reader, t.packed = bufio.NewReaderSize(gunzip{z}, textBuffer), true
	}
	mark, err := t.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(mark, []byte{0xef, 0xbb, 0xbf}):
		t.at = 3
		_, err = t.Discard(3)
		return t, err
	case bytes.HasPrefix(mark, []byte{0xff, 0xfe}), bytes.HasPrefix(mark, []byte{0xfe, 0xff}):
		return nil, errors.New("the file is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8")
	}
	return t, nil
}

// gunzip explains the errors of a compressed file.
type gunzip struct{ z *gzip.Reader }

func (g gunzip) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	return n, gzipFault(err)
}

func gzipFault(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the gzip file is truncated: %w", err)
	case errors.As(err, &corrupt), errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return fmt.Errorf("the gzip file is damaged: %w", err)
	}
	return err
}
