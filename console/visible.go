package console

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// visible writes characters that could reorder a page or control a terminal, and those that nobody
// sees, as \u escapes: others choose the texts that pages show, and two that differ must look different. What forms have stays as it is. The page must be
// from a template, which leaves < and > for tags alone.
func visible(page []byte) []byte {
	if bytes.IndexFunc(page, misleads) < 0 {
		return page
	}
	out := make([]byte, 0, len(page)+len(page)/8)
	for len(page) > 0 {
		text, tag := cutTag(page)
		page = page[len(text)+len(tag):]
		out = append(appendVisible(out, text), tag...)
		if bytes.HasPrefix(tag, []byte("<textarea")) {
			raw := page[:max(0, bytes.Index(page, []byte("</textarea")))]
			out, page = append(out, raw...), page[len(raw):]
		}
	}
	return out
}

// cutTag returns the text before the next tag, and the tag.
func cutTag(page []byte) (text, tag []byte) {
	begin := bytes.IndexByte(page, '<')
	if begin < 0 {
		return page, nil
	}
	end := bytes.IndexByte(page[begin:], '>')
	if end < 0 {
		return page[:begin], page[begin:]
	}
	return page[:begin], page[begin : begin+end+1]
}

func appendVisible(out, text []byte) []byte {
	before := rune(0)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if misleads(r) && !joins(before, r, text[size:]) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = append(out, text[:size]...)
		}
		before, text = r, text[size:]
	}
	return out
}

func misleads(r rune) bool {
	switch {
	case r < ' ':
		return r != '\n' && r != '\t'
	case r < 0x7f:
		return false
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r): // which are seen
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// joins reports whether r is a part of how a script or an emoji is written: a joiner between two of its
// characters, or the variation of one.
func joins(before, r rune, rest []byte) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner = 0x200c, 0x200d
	after, _ := utf8.DecodeRune(rest)
	switch {
	case r == zeroWidthNonJoiner || r == zeroWidthJoiner:
		return takesJoiners(before) && takesJoiners(after)
	case unicode.Is(unicode.Variation_Selector, r):
		return takesJoiners(before)
	}
	return false
}

// takesJoiners reports whether characters like this one are joined, or vary: not those of Latin, Greek and
// Cyrillic, nor punctuation.
func takesJoiners(r rune) bool {
	const arabic = 0x600
	return r >= arabic && !unicode.In(r, unicode.P, unicode.Z, unicode.Cc, unicode.Co) && r != utf8.RuneError
}
