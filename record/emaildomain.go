package record

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// The reasons to refuse the part after the @.
const (
	noDomain        = "there is nothing after @"
	literalDomain   = "an address in brackets after @ is not allowed"
	domainCharacter = "the part after @ contains a character that is not allowed"
	domainDots      = "the part after @ begins or ends with a dot, or has two in a row"
	domainHyphens   = "a label after @ begins or ends with a hyphen"
	reservedLabel   = "a label after @ has hyphens in places 3 and 4 and is not xn--"
	invalidIDNA     = "the part after @ is not a valid internationalised name (IDNA 2008)"
	labelTooLong    = "a label after @ is longer than 63 bytes"
	domainTooLong   = "the part after @ is longer than 253 bytes"
	domainDotless   = "the part after @ has no dot"
	badTopLevel     = "the top-level domain does not end with a letter"
	specialUse      = "the part after @ is a special-use name"
)

// specialUseNames are domains that, like their subdomains, cannot receive mail from
// the Internet: the subset of IANA's registry used by email-validator
// (https://www.iana.org/assignments/special-use-domain-names).
var specialUseNames = [...]string{"arpa", "invalid", "local", "localhost", "onion", "test"}

var dot = []byte(".")

// domainName is a domain in both forms, which are equal if no label is
// internationalized.
type domainName struct {
	ascii   []byte // as in DNS, with A-labels
	unicode string // as stored, with U-labels
}

// domainPart returns the normalized part after the @: mapped by UTS #46, with labels
// that are valid in IDNA 2008, and reachable by mail. raw is the same text as
// bytes; the ASCII form is appended to ascii.
func domainPart(text string, raw, ascii []byte) (d domainName, why string) {
	switch {
	case text == "":
		return d, noDomain
	case text[0] == '[' && text[len(text)-1] == ']':
		return d, literalDomain
	case !hostCharacters(text):
		return d, domainCharacter
	}
	domain, why := mapped(text, raw)
	if why == "" {
		why = labelSyntax(domain.text)
	}
	if why != "" {
		return d, why
	}
	if d, why = bothForms(domain, ascii); why != "" {
		return d, why
	}
	return d, reachable(d.ascii)
}

// mapped returns the domain in lower case and NFC, with ASCII dots.
func mapped(text string, raw []byte) (domain mappedDomain, why string) {
	if isASCII(text) {
		return mappedDomain{text: strings.ToLower(text)}, ""
	}
	if !safe(text) {
		return domain, domainCharacter
	}
	domain, ok := mapDomain(text, raw)
	if !ok || !hostCharacters(domain.text) {
		return domain, domainCharacter
	}
	return domain, ""
}

// hostCharacters reports whether the ASCII characters of s are letters, digits,
// hyphens and dots. It accepts all others.
func hostCharacters(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < utf8.RuneSelf && !isLetter(c) && !isDigit(c) && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// labelSyntax checks each label by the rules for host names (RFC 952, RFC 1123)
// and reserved labels (RFC 5890).
func labelSyntax(domain string) (why string) {
	for label, rest, more := "", domain, true; more; {
		label, rest, more = strings.Cut(rest, ".")
		switch {
		case label == "":
			return domainDots
		case label[0] == '-', label[len(label)-1] == '-':
			return domainHyphens
		case hyphensInThirdAndFourth(label) && !strings.HasPrefix(label, "xn"):
			return reservedLabel
		}
	}
	return ""
}

// bothForms returns both forms of a mapped domain.
func bothForms(domain mappedDomain, ascii []byte) (d domainName, why string) {
	if isASCII(domain.text) && !strings.Contains(domain.text, acePrefix) {
		d = domainName{ascii: append(ascii, domain.text...), unicode: domain.text}
		return d, labelLengths(d.ascii)
	}
	decoded := make([]byte, 0, maxEmailBytes)
	for label, rest, more := "", domain.text, true; more; {
		label, rest, more = strings.Cut(rest, ".")
		a, u, ok := labelForms(label, domain.permitted)
		if !ok {
			return d, invalidIDNA
		}
		if len(ascii) > 0 {
			ascii, decoded = append(ascii, '.'), append(decoded, '.')
		}
		ascii, decoded = append(ascii, a...), append(decoded, u...)
	}
	d = domainName{ascii: ascii, unicode: domain.text}
	if string(decoded) != domain.text {
		d.unicode = string(decoded)
	}
	return d, labelLengths(d.ascii)
}

func labelLengths(ascii []byte) (why string) {
	if len(ascii) > maxDomainBytes {
		return domainTooLong
	}
	for label, rest, more := []byte(nil), ascii, true; more; {
		label, rest, more = bytes.Cut(rest, dot)
		if len(label) > maxLabelBytes {
			return labelTooLong
		}
	}
	return ""
}

// reachable refuses domains that cannot receive mail from the Internet.
func reachable(ascii []byte) (why string) {
	if bytes.IndexByte(ascii, '.') < 0 {
		return domainDotless
	}
	if !isLetter(ascii[len(ascii)-1]) {
		return badTopLevel
	}
	for _, name := range specialUseNames {
		if above, found := bytes.CutSuffix(ascii, []byte(name)); found && bytes.HasSuffix(above, dot) {
			return specialUse
		}
	}
	return ""
}
