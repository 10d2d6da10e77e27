package record

import (
	"bytes"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of RFC 5321, section 4.5.3.1 (with erratum 1690 of RFC 3696), and
// of RFC 1035, in bytes.
const (
	maxEmailBytes  = 254
	maxLocalBytes  = 64
	maxDomainBytes = 253
	maxLabelBytes  = 63
)

// The reasons to refuse an address as a whole.
const (
	noAt          = "has no @"
	foreignAt     = "has a full-width or small @ instead of a plain one"
	hasBrackets   = "a display name or angle brackets are not allowed"
	emailTooLong  = "longer than 254 bytes"
	tooLongStored = "longer than 254 bytes when the part after @ is written without xn--"
	tooLongAsIDNA = "longer than 254 bytes when the part after @ is written as xn--"
)

// emailRule returns the normalized address, or why it is refused. The rules are
// the defaults of Python's email-validator 2.x without deliverability checks
// (https://github.com/JoshData/python-email-validator), and the limit of 64 bytes
// before the @, which version 2.3 made optional.
func emailRule(text []byte) (stored, why string) {
	address := view(text)
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return "", blank
	case len(address) > maxEmailBytes:
		return "", emailTooLong
	}
	before, after, found := strings.Cut(address, "@")
	switch {
	case !found && strings.ContainsAny(address, "＠﹫"):
		return "", foreignAt
	case !found:
		return "", noAt
	case strings.ContainsAny(address, "<>") && before != "" && before[0] != '"':
		return "", hasBrackets
	}
	local, why := localPart(before)
	if why != "" {
		return "", why
	}
	var buf [maxEmailBytes]byte
	domain, why := domainPart(after, text[len(before)+1:], buf[:0])
	if why != "" {
		return "", why
	}
	switch {
	case len(local)+1+len(domain.unicode) > maxEmailBytes:
		return "", tooLongStored
	case len(local)+1+len(domain.ascii) > maxEmailBytes:
		return "", tooLongAsIDNA
	case local == before && domain.unicode == after:
		return address, ""
	}
	return local + "@" + domain.unicode, ""
}

// NormalizeEmail returns an address as the email field of a record stores it. The
// error says why the address is refused, without quoting it.
func NormalizeEmail(address string) (string, error) {
	stored, why := emailRule([]byte(address))
	if why != "" {
		return "", errors.New(why)
	}
	return stored, nil
}

// safe reports whether every character is a letter, mark, number, punctuation or
// symbol. Space, control, format, private-use and unassigned characters are
// unsafe, and so is a combining mark at the beginning, which would combine with
// the preceding text.
func safe(s string) bool {
	for i, r := range s {
		if r < utf8.RuneSelf {
			if r <= ' ' || r == 0x7f {
				return false
			}
			continue
		}
		if unicode.Is(unicode.M, r) {
			if i == 0 {
				return false
			}
			continue
		}
		if !unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
