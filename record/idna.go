package record

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// acePrefix marks a label in the ASCII form of an internationalised name.
const acePrefix = "xn--"

// mapper does the mapping step of UTS #46 (non-transitional, without STD3
// rules) and nothing else, when it is given one character at a time: a single
// character is never an A-label, so no label processing follows.
var mapper = idna.New(idna.MapForLookup(), idna.StrictDomainName(false), idna.ValidateLabels(false))

// mappedDomain is a domain after the mapping of UTS #46.
type mappedDomain struct {
	text string
	// permitted says that each character beyond ASCII is known to be permitted,
	// so that the labels need not be searched again. One that has been mapped, or
	// needs a context, is not known to be.
	permitted bool
}

// mapDomain applies the mapping of UTS #46 and NFC: lower case, full-width
// forms and ideographic full stops to their ASCII ones. It is not ok if a
// character is disallowed. raw is domain again, as bytes.
func mapDomain(domain string, raw []byte) (mapped mappedDomain, ok bool) {
	b := make([]byte, 0, maxEmailBytes)
	mapped.permitted = true
	for i, r := range domain {
		if r < utf8.RuneSelf {
			b = utf8.AppendRune(b, unicode.ToLower(r))
			continue
		}
		if permitted(r, raw[i:i+utf8.RuneLen(r)]) { // and so mapped to itself
			b = utf8.AppendRune(b, r)
			continue
		}
		mapped.permitted = false
		m, err := mapper.ToUnicode(string(r))
		if newer, changed := remapped(r, err != nil); changed {
			m, err = newer, nil
		}
		if err != nil {
			return mapped, false
		}
		b = append(b, m...)
	}
	mapped.text = domain
	if string(b) != domain {
		mapped.text = string(b)
	}
	if normal := inNFC(mapped.text); normal != mapped.text {
		mapped = mappedDomain{text: normal}
	}
	return mapped, true
}

// remapped is the mapping of r where Unicode 15.1 and 16 have changed it: the
// capital sharp s gives ß, and some letters that were disallowed are mapped
// like all others, or dropped. x/net follows with tables of Unicode 17.
func remapped(r rune, disallowed bool) (string, bool) {
	switch {
	case r == 0x1E9E:
		return "ß", true
	case !disallowed:
		return "", false
	case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
		return "", true
	case unicode.In(r, unicode.Lu, unicode.Lo):
		return cases.Fold().String(norm.NFKC.String(string(r))), true
	}
	return "", false
}

// labelForms gives a label as DNS has it and as people read it; both are the
// same unless it is internationalised. It must hold to IDNA 2008; checked says
// that its characters are known to be permitted.
func labelForms(label string, checked bool) (ascii, decoded string, ok bool) {
	if isASCII(label) {
		decoded, ok = toUnicodeLabel(label)
		return label, decoded, ok
	}
	if !validLabel(label, checked) {
		return "", "", false
	}
	ascii, err := idna.Punycode.ToASCII(label)
	return ascii, label, err == nil
}

// toUnicodeLabel is the U-label of a lower-case ASCII label without a hyphen at
// its ends. It must hold to IDNA 2008 when decoded.
func toUnicodeLabel(label string) (decoded string, ok bool) {
	code, isACE := strings.CutPrefix(label, acePrefix)
	if !isACE {
		return label, validLabel(label, false)
	}
	// A delimiter with nothing before it is no part of the code for Python's
	// decoder, but an error for x/net's.
	if strings.LastIndexByte(code, '-') == 0 {
		code = code[1:]
	}
	decoded, err := idna.Punycode.ToUnicode(acePrefix + code)
	return decoded, err == nil && validLabel(decoded, false)
}

// validLabel checks a U-label, or an ASCII label that is none, by RFC 5891,
// section 4.2: NFC, hyphens, initial combining mark, permitted characters with
// their contexts, and the Bidi rule. permitted says that its characters are known to
// be permitted without a context.
func validLabel(label string, checked bool) bool {
	switch {
	case label == "", inNFC(label) != label:
		return false
	case label[0] == '-', label[len(label)-1] == '-', hyphensInThirdAndFourth(label):
		return false
	}
	if first, _ := utf8.DecodeRuneInString(label); unicode.Is(unicode.M, first) {
		return false
	}
	return (checked || validCharacters(label)) && validBidi(label)
}

func validCharacters(label string) bool {
	var raw []byte // one for all characters, if any is beyond ASCII
	for i, r := range label {
		if r >= utf8.RuneSelf {
			raw = utf8.AppendRune(raw[:0], r)
		}
		if !permitted(r, raw) && !permittedInContext(label, i, r) {
			return false
		}
	}
	return true
}

// hyphensInThirdAndFourth counts characters, not bytes.
func hyphensInThirdAndFourth(label string) bool {
	for range 2 {
		_, size := utf8.DecodeRuneInString(label)
		label = label[size:]
	}
	return strings.HasPrefix(label, "--")
}

// The exceptions of RFC 5892, section 2.6, that differ from the general rule
// and need no context.
var (
	alwaysPermitted = map[rune]bool{0x00DF: true, 0x03C2: true, 0x06FD: true, 0x06FE: true, 0x0F0B: true, 0x3007: true}
	neverPermitted  = &unicode.RangeTable{R16: []unicode.Range16{
		{Lo: 0x0640, Hi: 0x0640, Stride: 1}, {Lo: 0x0660, Hi: 0x0669, Stride: 1}, // Arabic-Indic digits need a context
		{Lo: 0x06F0, Hi: 0x06F9, Stride: 1}, {Lo: 0x07FA, Hi: 0x07FA, Stride: 1},
		{Lo: 0x1100, Hi: 0x11FF, Stride: 1}, // old Hangul jamo, section 2.9
		{Lo: 0x20D0, Hi: 0x20FF, Stride: 1}, // ignorable blocks, section 2.4
		{Lo: 0x302E, Hi: 0x302F, Stride: 1}, {Lo: 0x3031, Hi: 0x3035, Stride: 1}, {Lo: 0x303B, Hi: 0x303B, Stride: 1},
		{Lo: 0xA960, Hi: 0xA97C, Stride: 1}, {Lo: 0xD7B0, Hi: 0xD7FB, Stride: 1},
	}, R32: []unicode.Range32{{Lo: 0x1D100, Hi: 0x1D24F, Stride: 1}}}
)

// permitted says whether r is PVALID by the derivation of RFC 5892, section 3.
// raw is r in UTF-8, which may be left out for ASCII.
func permitted(r rune, raw []byte) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-'
	}
	switch {
	case alwaysPermitted[r], 0x13A0 <= r && r <= 0x13F5: // Cherokee folds to its capitals
		return true
	case unicode.Is(neverPermitted, r),
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
		return false
	case !unicode.In(r, unicode.Ll, unicode.Lu, unicode.Lo, unicode.Lm, unicode.Mn, unicode.Mc, unicode.Nd):
		return false
	}
	return stable(raw)
}

// stable says whether case folding and NFKC leave a character as it is. The
// caller gives it as bytes, since they escape to the heap here.
func stable(raw []byte) bool {
	if _, err := cases.Fold().Span(raw, true); err == nil && norm.NFKC.QuickSpan(raw) == len(raw) {
		return true
	}
	folded := cases.Fold().Bytes(norm.NFKC.Bytes(raw))
	return bytes.Equal(norm.NFKC.Bytes(folded), raw)
}

// inNFC is s in NFC. The quick check spares the allocations of norm.NFC.String
// for what is almost always normal.
func inNFC(s string) string {
	if norm.NFC.QuickSpanString(s) == len(s) {
		return s
	}
	return norm.NFC.String(s)
}

// permittedInContext applies the CONTEXTO rules of RFC 5892, appendix A. The
// joiners of the CONTEXTJ rules are format characters, which no address may
// contain.
func permittedInContext(label string, at int, r rune) bool {
	before, _ := utf8.DecodeLastRuneInString(label[:at])
	after, _ := utf8.DecodeRuneInString(label[at+utf8.RuneLen(r):])
	switch {
	case r == 0x00B7: // middle dot, between two l
		return before == 'l' && after == 'l'
	case r == 0x0375: // Greek numeral sign
		return unicode.Is(unicode.Greek, after)
	case r == 0x05F3, r == 0x05F4: // Hebrew geresh, gershayim
		return unicode.Is(unicode.Hebrew, before)
	case r == 0x30FB: // Katakana middle dot
		return strings.ContainsFunc(label, func(r rune) bool {
			return unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han)
		})
	case 0x0660 <= r && r <= 0x0669, 0x06F0 <= r && r <= 0x06F9: // Arabic-Indic digits of one kind
		return true // the Bidi rule refuses both kinds in one label
	}
	return false
}
