package record

import (
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a string, s.pos being at its opening quote. The token is left as
// it stands in the body; its escapes are checked, not yet resolved.
func (s *scanner) text() (value, *syntaxError) {
	s.pos++
	start, escaped := s.pos, false
	for s.plain(); s.pos < len(s.body); s.plain() {
		switch c := s.body[s.pos]; {
		case c == '"':
			token := s.body[start:s.pos]
			s.pos++
			return value{kind: textKind, escaped: escaped, token: token}, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return value{}, err
			}
		case c < 0x20:
			return value{}, s.fault("a control character in a string must be escaped")
		default:
			r, size := utf8.DecodeRune(s.body[s.pos:])
			if r == utf8.RuneError && size == 1 {
				return value{}, s.fault("invalid UTF-8")
			}
			s.pos += size
		}
	}
	return value{}, s.fault("a string does not end")
}

// plain consumes the characters of a string that stand for themselves and have
// one byte.
func (s *scanner) plain() {
	body, pos := s.body, s.pos
	for pos < len(body) && isPlain[body[pos]] {
		pos++
	}
	s.pos = pos
}

var isPlain = func() (plain [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

// escape checks one escape, a surrogate pair being one.
func (s *scanner) escape() *syntaxError {
	if s.pos+1 >= len(s.body) {
		return s.fault("a string does not end")
	}
	switch s.body[s.pos+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos += 2
		return nil
	case 'u':
	default:
		return s.fault("an unknown escape")
	}
	r, size := unicodeEscape(s.body[s.pos:])
	switch {
	case size == 0:
		return s.fault(`\u needs four hex digits`)
	case utf16.IsSurrogate(r):
		return s.fault("a lone surrogate escape")
	}
	s.pos += size
	return nil
}

// unicodeEscape reads \uXXXX, or two of them where they make a surrogate pair.
// size is the number of bytes read, 0 for a malformed escape; a lone surrogate
// is returned as it is.
func unicodeEscape(b []byte) (r rune, size int) {
	hi, ok := hex4(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(hi) {
		return hi, 6
	}
	if lo, ok := hex4(b[6:]); ok {
		if pair := utf16.DecodeRune(hi, lo); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return hi, 6
}

// hex4 is the number in \uXXXX at the beginning of b.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// unescape resolves the escapes of a token that text has checked.
func unescape(token []byte) []byte {
	out := make([]byte, 0, len(token))
	for i := 0; i < len(token); {
		c := token[i]
		if c != '\\' {
			out = append(out, c)
			i++
			continue
		}
		if token[i+1] == 'u' {
			r, size := unicodeEscape(token[i:])
			out = utf8.AppendRune(out, r)
			i += size
			continue
		}
		out = append(out, plainEscape(token[i+1]))
		i += 2
	}
	return out
}

func plainEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
