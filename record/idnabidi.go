package record

import "golang.org/x/text/unicode/bidi"

// validBidi applies the Bidi rule of RFC 5893, section 2, to a label that has
// right-to-left characters; no other needs it. Such a label begins with one,
// ends with one or with a digit (marks may follow), and does not mix European
// and Arabic digits.
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
