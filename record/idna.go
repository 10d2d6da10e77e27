package record

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// acePrefix begins an A-label, the ASCII form of an internationalized label.
const acePrefix = "xn--"

// mapper applies the mapping step of UTS #46 (non-transitional, without STD3
// rules). Given a single character, which is never an A-label, it does nothing
// else.
var mapper = idna.New(idna.MapForLookup(), idna.StrictDomainName(false), idna.ValidateLabels(false))

// mappedDomain is a domain after the mapping of UTS #46.
type mappedDomain struct {
	text string
	// permitted means that all non-ASCII characters are known to be permitted in
	// any context, so the labels need not be checked again.
	permitted bool
}

// mapDomain applies the mapping of UTS #46 and NFC: to lower case, and from
// full-width forms and ideographic full stops to ASCII. It is not ok if a
// character is disallowed. raw is the same domain as bytes.
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

// remapped returns the mapping of r if Unicode 15.1 or 16 changed it: capital sharp
// s is mapped to ß, and some letters that were disallowed are mapped or removed.
// It can go when x/net has the tables of Unicode 17.
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

// labelForms returns the A-label and the U-label of a label, which are equal unless
// it is internationalized. It is not ok if the label is invalid in IDNA 2008.
// checked means that its characters are known to be permitted.
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

// toUnicodeLabel returns the U-label of a lower-case ASCII label without a hyphen
// at either end. It is not ok if the U-label is invalid in IDNA 2008.
func toUnicodeLabel(label string) (decoded string, ok bool) {
	code, isACE := strings.CutPrefix(label, acePrefix)
	if !isACE {
		return label, validLabel(label, false)
	}
	// Python's decoder ignores a delimiter with nothing before it; to x/net's it is
	// an error.
	if strings.LastIndexByte(code, '-') == 0 {
		code = code[1:]
	}
	decoded, err := idna.Punycode.ToUnicode(acePrefix + code)
	return decoded, err == nil && validLabel(decoded, false)
}

// validLabel checks a U-label or ordinary ASCII label by RFC 5891, section 4.2:
// NFC, hyphens, initial combining mark, permitted characters with their contexts,
// and the Bidi rule. checked means that its characters are known to be permitted
// in any context.
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
	var raw []byte // used for every non-ASCII character
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

// hyphensInThirdAndFourth reports whether the third and fourth characters (not
// bytes) are hyphens.
func hyphensInThirdAndFourth(label string) bool {
	for range 2 {
		_, size := utf8.DecodeRuneInString(label)
		label = label[size:]
	}
	return strings.HasPrefix(label, "--")
}

// The exceptions of RFC 5892, section 2.6, to the general rule that do not depend
// on the context.
var (
	alwaysPermitted = map[rune]bool{0x00DF: true, 0x03C2: true, 0x06FD: true, 0x06FE: true, 0x0F0B: true, 0x3007: true}
	neverPermitted  = &unicode.RangeTable{R16: []unicode.Range16{
		{Lo: 0x0640, Hi: 0x0640, Stride: 1}, {Lo: 0x0660, Hi: 0x0669, Stride: 1}, // Arabic-Indic digits depend on the context
		{Lo: 0x06F0, Hi: 0x06F9, Stride: 1}, {Lo: 0x07FA, Hi: 0x07FA, Stride: 1},
		{Lo: 0x1100, Hi: 0x11FF, Stride: 1}, // old Hangul jamo, section 2.9
		{Lo: 0x20D0, Hi: 0x20FF, Stride: 1}, // ignorable blocks, section 2.4
		{Lo: 0x302E, Hi: 0x302F, Stride: 1}, {Lo: 0x3031, Hi: 0x3035, Stride: 1}, {Lo: 0x303B, Hi: 0x303B, Stride: 1},
		{Lo: 0xA960, Hi: 0xA97C, Stride: 1}, {Lo: 0xD7B0, Hi: 0xD7FB, Stride: 1},
	}, R32: []unicode.Range32{{Lo: 0x1D100, Hi: 0x1D24F, Stride: 1}}}
)

// permitted reports whether r is PVALID as derived in RFC 5892, section 3. raw is r
// in UTF-8; it is not needed for ASCII.
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

// stable reports whether case folding and NFKC do not change a character. It takes
// bytes because a conversion here would escape to the heap.
func stable(raw []byte) bool {
	if _, err := cases.Fold().Span(raw, true); err == nil && norm.NFKC.QuickSpan(raw) == len(raw) {
		return true
	}
	folded := cases.Fold().Bytes(norm.NFKC.Bytes(raw))
	return bytes.Equal(norm.NFKC.Bytes(folded), raw)
}

// inNFC returns s in NFC. The quick check avoids the allocations of
// norm.NFC.String for text that is already normal.
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

// validBidi applies the Bidi rule of RFC 5893, section 2, to a label with
// right-to-left characters; any other label is valid. Such a label must begin
// with a right-to-left character, end with one or with a digit (marks may
// follow), and not mix European and Arabic digits.
func validBidi(label string) bool {
	if !hasRightToLeft(label) {
		return true
	}
	var european, arabic, ends bool
	for i, r := range label {
		class := classOf(r)
		if i == 0 && class != bidi.R && class != bidi.AL {
			return false
		}
		switch class {
		case bidi.R, bidi.AL:
			ends = true
		case bidi.EN:
			european, ends = true, true
		case bidi.AN:
			arabic, ends = true, true
		case bidi.ES, bidi.CS, bidi.ET, bidi.ON, bidi.BN:
			ends = false
		case bidi.NSM:
		default:
			return false
		}
	}
	return ends && !(european && arabic)
}

func hasRightToLeft(label string) bool {
	for _, r := range label {
		switch classOf(r) {
		case bidi.R, bidi.AL, bidi.AN:
			return true
		}
	}
	return false
}

func classOf(r rune) bidi.Class {
	p, _ := bidi.LookupRune(r)
	return p.Class()
}
