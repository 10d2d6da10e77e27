package record

import (
	"strings"
	"unicode/utf8"
)

// The reasons to refuse the part before the @.
const (
	noLocal        = "there is nothing before @"
	quotedLocal    = "a quoted part before @ is not allowed"
	localTooLong   = "the part before @ is longer than 64 bytes"
	localDots      = "the part before @ begins or ends with a dot, or has two in a row"
	localCharacter = "the part before @ contains a character that is not allowed"
)

// roles are the mailbox names of RFC 2142, which are not case-sensitive and are
// stored in lower case.
var roles = map[string]bool{
	"info": true, "marketing": true, "sales": true, "support": true,
	"abuse": true, "noc": true, "security": true,
	"postmaster": true, "hostmaster": true, "usenet": true, "news": true,
	"webmaster": true, "www": true, "uucp": true, "ftp": true,
}

// longestRole is the length of the longest role, "postmaster".
const longestRole = 10

// localPart returns the normalized part before the @: a dot-atom of RFC 5322 with
// the characters added by RFC 6531, in NFC.
func localPart(local string) (normalized, why string) {
	if why := dotAtom(local); why != "" {
		return "", why
	}
	if isASCII(local) {
		if len(local) <= longestRole {
			if lower := strings.ToLower(local); roles[lower] {
				return lower, ""
			}
		}
		return local, ""
	}
	if !safe(local) {
		return "", localCharacter
	}
	normalized = inNFC(local)
	if normalized == local {
		return local, ""
	}
	// NFC may produce forbidden ASCII (U+037E becomes a semicolon) and longer text
	// (U+0958 becomes two characters), but no unsafe characters.
	if why := dotAtom(normalized); why != "" {
		return "", why
	}
	return normalized, ""
}

// dotAtom checks the length and the syntax: atoms separated by single dots.
func dotAtom(s string) (why string) {
	switch {
	case s == "":
		return noLocal
	case s[0] == '"':
		return quotedLocal
	case len(s) > maxLocalBytes:
		return localTooLong
	}
	for i := range len(s) {
		if c := s[i]; c != '.' && !isAtomByte(c) {
			return localCharacter
		}
	}
	if s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return localDots
	}
	return ""
}

// isAtomByte reports whether c may be part of an atom: atext of RFC 5322, or part
// of a non-ASCII character.
func isAtomByte(c byte) bool {
	return c >= utf8.RuneSelf || isLetter(c) || isDigit(c) ||
		strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
