package logging

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// EscapeControls returns a writer that passes JSON on to w, with the characters
// escaped that JSON allows in strings but that can mislead whoever reads them on a
// terminal: the control characters U+0080 to U+009F and those that change the
// direction of text. The meaning of the JSON is the same. Each Write must begin and
// end between characters.
func EscapeControls(w io.Writer) io.Writer { return escapingWriter{w} }

type escapingWriter struct{ w io.Writer }

func (e escapingWriter) Write(p []byte) (int, error) {
	if !mayMislead(p) {
		return e.w.Write(p)
	}
	escaped := make([]byte, 0, len(p)+len(p)/4)
	for rest := p; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if misleads(r) {
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		} else {
			escaped = append(escaped, rest[:size]...)
		}
		rest = rest[size:]
	}
	if _, err := e.w.Write(escaped); err != nil {
		return 0, err
	}
	return len(p), nil
}

// mayMislead reports whether p has the first byte of a character for which misleads
// is true. It is fast: log lines rarely have one.
func mayMislead(p []byte) bool {
	return bytes.IndexByte(p, 0xe2) >= 0 || bytes.IndexByte(p, 0xc2) >= 0 || bytes.IndexByte(p, 0xd8) >= 0
}

func misleads(r rune) bool {
	return r >= 0x80 && r <= 0x9f || unicode.Is(unicode.Bidi_Control, r)
}

// showEscapes makes escape sequences in a value visible. On a terminal the text
// handler lets them through, and turns the four characters \x1b into one.
var showEscapes = strings.NewReplacer("\x1b", "␛", `\x1b`, `\x1B`)
