package streams

import "strings"

// TraceID is the ID of the record's trace if its producer has sampled it, or empty. It
// reads traceparent as W3C Trace Context defines it: version, trace, span and flags in
// lower-case hexadecimal.
func (d *Delivery) TraceID() string {
	const size = len("00-") + 32 + len("-") + 16 + len("-01")
	text := d.TraceParent
	if len(text) < size || len(text) > size && (text[:2] == "00" || text[size] != '-') {
		return ""
	}
	version, trace, span, flags := text[:2], text[3:35], text[36:52], text[53:size]
	if text[2] != '-' || text[35] != '-' || text[52] != '-' || version == "ff" ||
		!isHex(version) || !isHex(trace) || !isHex(span) || !isHex(flags) || isZero(trace) || isZero(span) {
		return ""
	}
	if strings.IndexByte("13579bdf", flags[1]) < 0 { // the lowest bit says that it is sampled
		return ""
	}
	return trace
}

func isHex(text string) bool { return strings.Trim(text, "0123456789abcdef") == "" }

func isZero(text string) bool { return strings.Trim(text, "0") == "" }
