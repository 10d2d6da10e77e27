package record

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// The byte limits of the plain text fields, counted after trimming.
const (
	maxCustomerIDBytes = 256
	maxNameBytes       = 1024
)

// fields are the values of the four fields that the service knows.
type fields struct {
	customerID, name, email, createdAt value
}

// named returns the field of that name, or nil if there is none. Names are
// compared exactly: case matters.
func (f *fields) named(name []byte) *value {
	switch string(name) {
	case "customerId":
		return &f.customerID
	case "name":
		return &f.name
	case "email":
		return &f.email
	case "createdAt":
		return &f.createdAt
	}
	return nil
}

// faults collects what is wrong with the fields, in their order.
type faults struct{ reason []byte }

func (f *faults) add(field, why string) {
	if why == "" {
		return
	}
	if f.reason != nil {
		f.reason = append(f.reason, "; "...)
	}
	f.reason = append(f.reason, field...)
	f.reason = append(f.reason, ": "...)
	f.reason = append(f.reason, why...)
}

// text is the field's text; anything but a JSON string is a fault.
func (f *faults) text(field string, v value) ([]byte, bool) {
	switch v.kind {
	case '"':
		return unquote(v.text), true
	case jsontext.KindInvalid:
		f.add(field, "missing")
	default:
		f.add(field, "must be a string, is "+kindName(v.kind))
	}
	return nil, false
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '0':
		return "a number"
	case '[':
		return "an array"
	case '{':
		return "an object"
	}
	return "a string"
}

// check is the stored form of a field, "" where a fault was added.
func (f *faults) check(field string, v value, rule func([]byte) (string, string)) string {
	text, ok := f.text(field, v)
	if !ok {
		return ""
	}
	stored, why := rule(text)
	f.add(field, why)
	return stored
}

// customerIDRule gives the trimmed customerId, or why it is refused. Like all
// rules it copies nothing: stored may be a view of text. The ban on
// control characters holds for the text as given, white space such as a line
// feed included; the limits hold for the trimmed text.
func customerIDRule(text []byte) (stored, why string) {
	if hasControl(text) {
		return "", "contains a control character"
	}
	text = bytes.TrimSpace(text)
	switch {
	case len(text) == 0:
		return "", "blank"
	case len(text) > maxCustomerIDBytes:
		return "", "longer than 256 bytes"
	}
	return view(text), ""
}

// nameRule gives the trimmed name, or why it is refused.
func nameRule(text []byte) (stored, why string) {
	text = bytes.TrimSpace(text)
	switch {
	case len(text) == 0:
		return "", "blank"
	case len(text) > maxNameBytes:
		return "", "longer than 1024 bytes"
	}
	return view(text), ""
}

// hasControl finds a character of Unicode's category Cc.
func hasControl(text []byte) bool {
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			if c < 0x20 || c == 0x7f {
				return true
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if unicode.IsControl(r) {
			return true
		}
		i += size
	}
	return false
}
