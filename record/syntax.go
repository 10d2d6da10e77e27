package record

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// syntaxError says why a body is not the JSON that the service accepts.
type syntaxError struct {
	offset int // bytes from the start of the body
	reason string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%s (at byte %d)", e.reason, e.offset) }

// fault explains why the token after the last one that was read is refused.
// jsontext's own message is not used: it quotes the body and may change between
// versions. err supplies only the offset within a string or number; it may be
// nil if the token is neither.
func (s *scanner) fault(err error) *syntaxError {
	pos := s.skipSpace(int(s.tokens.InputOffset()))
	at := pos
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		at = int(syntactic.ByteOffset)
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return &syntaxError{at, "the same key twice in one object"}
	}
	container, n := s.tokens.StackIndex(s.tokens.StackDepth())
	isName := container == '{' && n%2 == 0
	switch delimiter, reason := expectedDelimiter(container, n); {
	case delimiter == 0:
	case pos == len(s.body) && delimiter == ',':
		return &syntaxError{pos, "the body ends too early"}
	case pos == len(s.body), s.body[pos] != delimiter:
		return &syntaxError{pos, reason}
	default:
		pos = s.skipSpace(pos + 1)
	}
	switch {
	case isName && (pos == len(s.body) || s.body[pos] != '"'):
		return &syntaxError{pos, "a key in quotes is expected"}
	case pos == len(s.body):
		return &syntaxError{pos, "the body ends too early"}
	}
	switch c := s.body[pos]; {
	case c == '"':
		return &syntaxError{at, stringFault(s.body[at:])}
	case c == '-' || isDigit(c):
		return &syntaxError{at, "a digit is expected"}
	case c == 'N' || c == 'I':
		return &syntaxError{pos, "NaN and Infinity are not allowed"}
	}
	return &syntaxError{pos, "a value is expected"}
}

// expectedDelimiter returns what must precede the next token inside a container
// of n names and values, 0 if nothing must, and the reason to give without it.
func expectedDelimiter(container jsontext.Kind, n int64) (delimiter byte, reason string) {
	switch {
	case n == 0:
		return 0, ""
	case container == '[':
		return ',', "a comma or ] is expected"
	case n%2 == 0:
		return ',', "a comma or } is expected"
	}
	return ':', "a colon is expected"
}

// stringFault says what is wrong with the part of a string with which rest begins.
func stringFault(rest []byte) string {
	switch {
	case len(rest) == 0 || len(rest) == 1 && rest[0] == '\\':
		return "a string does not end"
	case rest[0] < ' ':
		return "a control character in a string must be escaped"
	case rest[0] != '\\':
		return "invalid UTF-8"
	case rest[1] != 'u':
		return "an unknown escape"
	case !isHex4(rest[2:]):
		return `\u needs four hex digits`
	}
	return "a lone surrogate escape"
}

func isHex4(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	for _, c := range b[:4] {
		if !isDigit(c) && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
