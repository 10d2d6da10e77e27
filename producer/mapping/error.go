package mapping

import (
	"fmt"
	"strings"
)

// Error says why a row or an object has no record. Its message quotes the value
// at fault, at most 40 characters of it.
type Error struct {
	Column int    // number of the column; the first is 1. 0 if no single column is at fault
	Name   string // name of the column in the header; empty if Column is 0
	Field  string // field of the record; empty if the whole row is at fault
	Reason string
	Value  string // of createdAt, if that can't be read as a time
	Rule   string // the reason without the value
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	if e.Column > 0 {
		fmt.Fprintf(&b, "column %d (%q): ", e.Column, e.Name)
	}
	return b.String() + e.Reason
}

// shorten quotes a value for a message.
func shorten(value string) string {
	const most = 40
	if runes := []rune(value); len(runes) > most {
		return fmt.Sprintf("%q…", string(runes[:most]))
	}
	return fmt.Sprintf("%q", value)
}

// either lists quoted names: "a", "b" or "c".
func either(names []string) string {
	var b strings.Builder
	for i, name := range names {
		switch {
		case i == 0:
		case i == len(names)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", name)
	}
	return b.String()
}
