package logging

import (
	"fmt"
	"strings"
	"unicode"
)

// Printable returns text with \u escapes for all characters that could move a
// terminal's cursor or reorder its text: other programs chose these texts. The
// joiners that some scripts and emoji need remain.
func Printable(text string) string {
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if hidden(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hidden(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return !unicode.IsPrint(r) && r != nonJoiner && r != joiner
}
