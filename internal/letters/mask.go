package letters

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// mask stands for what is not shown. Its length says nothing.
const mask = "***"

// Masked returns a body as a JSON object without personal data; false if it is no object, so
// that nobody knows what in it is personal. The customerId is shown, and of the other members
// only times, null and truth values, and names that are plain identifiers.
func Masked(body []byte) (members []Member, ok bool) {
	members, ok = Members(body)
	for i, m := range members {
		members[i] = m.Masked()
	}
	return members, ok
}

// Masked returns a member without personal data.
func (m Member) Masked() Member { return Member{MaskedField(m.Name), masked(m)} }

// A text with spaces, an @ or digits alone is rather a value in the wrong place than a name.
var plainField = regexp.MustCompile(`^(ingestion:)?[A-Za-z_][A-Za-z0-9_-]{0,63}$`)

// MaskedField returns the name of a member or of a field if it is a plain identifier, and else
// a mask.
func MaskedField(name string) string {
	if plainField.MatchString(name) {
		return name
	}
	return mask
}

func masked(m Member) jsontext.Value {
	switch kind := m.Value.Kind(); kind {
	case 'n', 't', 'f':
		return m.Value
	case '"', '0':
		if m.Name == "customerId" {
			return m.Value
		}
		if kind == '"' {
			return maskedString(m)
		}
	}
	return quoted(mask)
}

func maskedString(m Member) jsontext.Value {
	text, err := jsontext.AppendUnquote(nil, m.Value)
	if err != nil && text == nil {
		return quoted(mask)
	}
	switch m.Name {
	case "createdAt":
		if looksLikeTime(string(text)) {
			return m.Value
		}
	case "email":
		return quoted(MaskedEmail(string(text)))
	}
	return quoted(MaskedText(string(text)))
}

// looksLikeTime reports whether a text has nothing but what dates and times are written with.
func looksLikeTime(text string) bool {
	return strings.Trim(text, "0123456789-:.,+/ TZWtz") == ""
}

// MaskedEmail masks the part before the last @. A text that has no @, or something else after it
// than a domain, is masked as a whole.
func MaskedEmail(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 || strings.ContainsFunc(address[at+1:], notOfDomain) {
		return MaskedText(address)
	}
	return MaskedText(address[:at]) + address[at:]
}

func notOfDomain(r rune) bool {
	return r != '.' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// MaskedText returns the first character and a mask; an empty or blank text has nothing to
// hide.
func MaskedText(text string) string {
	if strings.TrimSpace(text) == "" {
		return text
	}
	first, _ := utf8.DecodeRuneInString(text)
	return string(first) + mask
}

func quoted(text string) jsontext.Value {
	value, _ := jsontext.AppendQuote(nil, strings.ToValidUTF8(text, "\ufffd"))
	return value
}
