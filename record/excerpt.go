package record

import "unicode/utf8"

// Excerpt is the beginning of a body for a log line: at most limit bytes, cut at
// a rune boundary, and valid UTF-8 (each invalid byte becomes U+FFFD).
func Excerpt(body []byte, limit int) string {
	out := make([]byte, 0, min(len(body), max(limit, 0)))
	for len(body) > 0 {
		r, size := utf8.DecodeRune(body)
		if len(out)+utf8.RuneLen(r) > limit {
			break
		}
		out = utf8.AppendRune(out, r)
		body = body[size:]
	}
	return string(out)
}
