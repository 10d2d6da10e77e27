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

// plain is a file's text without gzip and byte order mark.
type plain struct {
	*bufio.Reader
	packed bool
	at     int64 // offset in the text
}

const textBuffer = 64 << 10

// plainText takes gzip and a byte order mark off.
func plainText(r io.Reader) (*plain, error) {
	text := &plain{Reader: bufio.NewReaderSize(r, textBuffer)}
	if magic, _ := text.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(text.Reader)
		if errors.Is(err, gzip.ErrHeader) {
			return nil, fmt.Errorf("the file begins like gzip but is none: %w", err)
		}
		if err != nil {
			return nil, gzipFault(err)
		}
		text.Reader, text.packed = bufio.NewReaderSize(gunzip{z}, textBuffer), true
	}
	mark, err := text.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(mark, []byte{0xef, 0xbb, 0xbf}):
		text.at = 3
		_, err = text.Discard(3)
		return text, err
	case bytes.HasPrefix(mark, []byte{0xff, 0xfe}), bytes.HasPrefix(mark, []byte{0xfe, 0xff}):
		return nil, errors.New("the file is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8")
	}
	return text, nil
}

// gunzip says in words what is wrong with a compressed file.
type gunzip struct{ z *gzip.Reader }

func (g gunzip) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	return n, gzipFault(err)
}

func gzipFault(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the gzip file is cut short: %w", err)
	case errors.As(err, &corrupt), errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return fmt.Errorf("the gzip file is damaged: %w", err)
	}
	return err
}
