package record

import (
	"bytes"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
)

// The maximum lengths of the plain text fields, in bytes, after trimming.
const (
	maxCustomerIDBytes = 256
	maxNameBytes       = 1024
)

// blank is why a field is refused that is empty or only white space.
const blank = "blank"

// fields holds the values of the four known fields.
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

// faults collects the reasons why fields are refused, in the order of the fields.
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

// text returns the characters of a field, which must be a JSON string.
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

// check returns the stored form of a field. What it returns after adding a fault
// is not stored.
func check[T any](f *faults, field string, v value, rule func([]byte) (T, string)) (stored T) {
	text, ok := f.text(field, v)
	if !ok {
		return stored
	}
	stored, why := rule(text)
	f.add(field, why)
	return stored
}

// customerIDRule returns the trimmed customerId, or why it is refused. Like all
// rules it does not copy: stored may share text's memory. Control characters,
// including white space such as a line feed, are refused anywhere in text; the
// limits apply after trimming.
func customerIDRule(text []byte) (stored, why string) {
	if hasControl(text) {
		return "", "contains a control character"
	}
	text = bytes.TrimSpace(text)
	switch {
	case len(text) == 0:
		return "", blank
	case len(text) > maxCustomerIDBytes:
		return "", "longer than 256 bytes"
	}
	return view(text), ""
}

// nameRule returns the trimmed name, or why it is refused.
func nameRule(text []byte) (stored, why string) {
	text = bytes.TrimSpace(text)
	switch {
	case len(text) == 0:
		return "", blank
	case len(text) > maxNameBytes:
		return "", "longer than 1024 bytes"
	}
	return view(text), ""
}

// hasControl reports whether text has a character of Unicode's category Cc.
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

// view returns text as a string without copying it. The string is valid while
// text does not change, so it must not leave the package; identified makes
// copies for the record.
func view(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }
