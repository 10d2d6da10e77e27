package logging

import (
	"encoding/binary"
	"unicode/utf8"
)

// appendString appends s as a JSON string, escaped as slog does it: what JSON
// wants escaped, the two further line separators of JavaScript, and no HTML.
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

// plainLength is how many bytes at the beginning of s stand for themselves. It
// looks at eight at once, as long as all of them do.
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

// allPlain says whether no byte of x is a control character, a quote, a
// backslash or beyond ASCII. Where none is, no subtraction borrows from the next
// byte, and no top bit comes up.
func allPlain(x uint64) bool {
	const ones = 0x0101010101010101
	return (x|(x-' '*ones)|((x^'"'*ones)-ones)|((x^'\\'*ones)-ones))&(utf8.RuneSelf*ones) == 0
}

// appendRune appends c, whose bytes are given. One byte that is no UTF-8 becomes
// the replacement character.
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
