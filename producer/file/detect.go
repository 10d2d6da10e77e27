package file

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// detect tells the format of a text by its first line that is not blank, or if that is a
// JSON value other than an object, by the first one that is not. What does not begin like
// JSON is taken for CSV, whose header must then be known. An empty text has no records in
// any format.
func detect(t *text, o Options) Format {
	line, whole, next := lineFrom(t, 0)
	if len(o.Columns) > 0 && len(line) > 0 {
		return CSV // without a header, a row may begin with any character
	}
	begin := line
	for n := 0; n < sampleRecords && whole && scalar(line); n++ {
		line, whole, next = lineFrom(t, next)
	}
	switch {
	case len(begin) == 0:
		return NDJSON
	case begin[0] == recordSeparator, bytes.HasPrefix(line, []byte("[")):
		return JSON
	case bytes.HasPrefix(line, []byte("{")):
		return jsonFormat(line, whole)
	case unquotedWord(begin) && scalar(begin):
		return NDJSON
	}
	return CSV
}

// scalar reports whether a line is a JSON value other than an object or array.
func scalar(line []byte) bool {
	return bytes.IndexByte([]byte("{[,;\t|"), line[0]) < 0 && jsontext.Value(line).IsValid()
}

// unquotedWord reports whether a scalar is null or a boolean, which is no name of a column.
func unquotedWord(value []byte) bool { return bytes.IndexByte([]byte("ntf"), value[0]) >= 0 }

// firstLine returns the first line that is not blank, without space before it, and
// does not consume it. Of a line that is too long it returns the beginning.
func firstLine(t *text) (line []byte, whole bool) {
	line, whole, _ = lineFrom(t, 0)
	return line, whole
}

// lineFrom is like firstLine for the lines from a position in the window on. It returns
// where the next line begins.
func lineFrom(t *text, from int) (line []byte, whole bool, next int) {
	for {
		end, next, err := t.lineAt(from)
		if err != nil {
			return bytes.TrimLeft(t.window()[min(from, t.end-t.pos):], " \t\v\f"), false, from
		}
		if line := t.window()[from:end]; !blank(line) {
			return bytes.TrimLeft(line, " \t\v\f"), true, next
		}
		from = next
	}
}

// jsonFormat tells lines of JSON from objects that take several lines, or that are
// several on a line. A first line that is merely broken does not decide.
func jsonFormat(line []byte, whole bool) Format {
	d := jsontext.NewDecoder(bytes.NewReader(line), lenient...)
	_, err := d.ReadValue()
	rest := bytes.TrimSpace(line[d.InputOffset():])
	switch {
	case err == nil && bytes.HasPrefix(rest, []byte("{")):
		return JSON
	case errors.Is(err, io.ErrUnexpectedEOF) && whole && goesOn(line):
		return JSON
	}
	return NDJSON
}

// goesOn reports whether the last character asks for more.
func goesOn(line []byte) bool {
	line = bytes.TrimSpace(line)
	return bytes.IndexByte([]byte("{[,:"), line[len(line)-1]) >= 0
}
