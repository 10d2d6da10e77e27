package logging

import (
	"encoding/binary"
	"unicode/utf8"
)

// appendString appends s as a JSON string, escaped as slog escapes it: the
// characters that JSON requires, and U+2028 and U+2029, but not those of HTML.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for len(s) > 0 {
		n := plainLength(s)
		dst, s = append(dst, s[:n]...), s[n:]
		if len(s) > 0 {
			c, size := utf8.DecodeRuneInString(s)
			dst, s = appendRune(dst, c, s[:size]), s[size:]
		}
	}
	return append(dst, '"')
}

// plainLength returns how many bytes at the start of s need no escape. It checks
// eight bytes at a time as long as none of them does.
func plainLength(s string) int {
	i := 0
	for i+8 <= len(s) && allPlain(binary.LittleEndian.Uint64([]byte(s[i:i+8]))) {
		i += 8
	}
	for i < len(s) && s[i] >= ' ' && s[i] != '"' && s[i] != '\\' && s[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// allPlain reports whether none of the eight bytes of x is a control character, a
// quote, a backslash or outside ASCII. Each term sets the top bit of such a byte.
// Only such a byte makes a subtraction borrow from the next byte, so the result is
// exact.
func allPlain(x uint64) bool {
	const ones = 0x0101010101010101
	return (x|(x-' '*ones)|((x^'"'*ones)-ones)|((x^'\\'*ones)-ones))&(utf8.RuneSelf*ones) == 0
}

// appendRune appends c, which was decoded from bytes. A byte that is not valid
// UTF-8 becomes the replacement character.
func appendRune(dst []byte, c rune, bytes string) []byte {
	const hex = "0123456789abcdef"
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', byte(c))
	case c == '\n':
		return append(dst, `\n`...)
	case c == '\r':
		return append(dst, `\r`...)
	case c == '\t':
		return append(dst, `\t`...)
	case c < ' ':
		return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
	case c == utf8.RuneError && len(bytes) == 1:
		return append(dst, `\ufffd`...)
	case c == '\u2028' || c == '\u2029':
		return append(dst, '\\', 'u', '2', '0', '2', hex[c&0xf])
	default:
		return append(dst, bytes...)
	}
}
