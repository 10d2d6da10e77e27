package producer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"
)

// ErrNoHeader is a file of CSV without a first line that names the columns.
var ErrNoHeader = errors.New("no CSV header")

// detect knows CSV by a header that has one of the fields, and takes all else
// for one body a line. Where the file's name promises CSV that is a mistake,
// unless the first line begins like an object: each row would be sent as it is.
func detect(first []byte, name string) (Format, error) {
	if header, _ := parseHeader(first); len(header) > 0 {
		return CSV, nil
	}
	if ending := csvEnding(name); ending != "" && len(first) > 0 && first[0] != '{' {
		return Detect, fmt.Errorf("the file is called %s but has %w: its first line names none of %s", ending, ErrNoHeader, strings.Join(columns, ", "))
	}
	return NDJSON, nil
}

// csvEnding is the end of a name that promises CSV, compressed or not.
func csvEnding(name string) string {
	name = strings.TrimSuffix(strings.ToLower(name), ".gz")
	if ending := path.Ext(name); ending == ".csv" || ending == ".tsv" {
		return ending
	}
	return ""
}

// firstLine is the first line that is not blank, or its beginning, without
// taking it. It waits for no more than that line.
func firstLine(text *bufio.Reader) []byte {
	for n := 1; ; n = max(n+1, text.Buffered()) {
		seen, err := text.Peek(n)
		line := bytes.TrimLeft(seen, " \t\r\n")
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			return line[:end]
		}
		if err != nil {
			return line
		}
	}
}
