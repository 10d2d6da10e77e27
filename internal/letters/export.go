package letters

import (
	"strings"
	"unicode/utf8"
)

// maxLine is the longest line that "producer load" reads, in bytes.
const maxLine = 16 << 20

// NoLine says why a letter can't be a line of NDJSON that "producer load" sends byte for
// byte; it is "" if it can.
func NoLine(l *Letter) string {
	switch {
	case l.Fields != nil:
		return "its entry had not exactly one body"
	case strings.Trim(l.Data, " \t\v\f") == "":
		return "its body is blank"
	case strings.ContainsAny(l.Data, "\r\n"):
		return "its body has several lines"
	case !utf8.ValidString(l.Data):
		return "its body is not valid UTF-8"
	case len(l.Data) > maxLine:
		return "its body is larger than 16 MiB"
	}
	return ""
}

// Head returns what a file has to begin with before a line, so that nobody takes the line
// for the beginning of another kind of file: nothing, or empty lines.
func Head(first string) string {
	if strings.HasPrefix(first, "{") {
		return ""
	}
	return "\n\n"
}
