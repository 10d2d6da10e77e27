package mapping

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Expression says where the value of a field comes from. The package comment has
// the grammar.
type Expression struct{ parts []part }

type kind uint8

const (
	nameKind kind = iota // a column, or a text without letters and digits
	textKind
	pathKind
)

type part struct {
	kind kind
	text string // name or text, without quotes
	path path
}

// SyntaxError is a fault in the text of an expression.
type SyntaxError struct {
	Expression string
	Position   int // of the faulty character; the first is 1
	Reason     string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%q: %s (at character %d)", e.Expression, e.Reason, e.Position)
}

// ParseExpression parses the text of an expression. An error is a *SyntaxError.
func ParseExpression(text string) (Expression, error) {
	s := scanner{text: text}
	var e Expression
	for {
		p, reason := s.part()
		if reason != "" {
			return Expression{}, &SyntaxError{text, utf8.RuneCountInString(text[:s.at]) + 1, reason}
		}
		e.parts = append(e.parts, p)
		if s.at == len(text) {
			return e, nil
		}
		s.at++ // the +
	}
}

// String returns the expression with all names and texts in quotes. It parses to
// the same expression.
func (e Expression) String() string {
	parts := make([]string, len(e.parts))
	for i, p := range e.parts {
		parts[i] = p.String()
	}
	return strings.Join(parts, "+")
}

// names returns the names that are not texts.
func (e Expression) names() (names []string) {
	for _, p := range e.parts {
		if p.kind == nameKind && hasWord(p.text) {
			names = append(names, p.text)
		}
	}
	return names
}

func (p part) String() string {
	switch p.kind {
	case textKind:
		return enclose(p.text, '\'')
	case pathKind:
		return p.path.String()
	default:
		return enclose(p.text, '"')
	}
}

func enclose(text string, quote byte) string {
	q := string(quote)
	return q + strings.ReplaceAll(text, q, q+q) + q
}

// hasWord reports whether text has a letter or a digit.
func hasWord(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}

// scanner reads the parts of an expression. After a fault, at is the offset of the
// faulty character.
type scanner struct {
	text string
	at   int // offset of the next byte
}

// part reads one part, up to the next + or the end.
func (s *scanner) part() (p part, fault string) {
	begin := s.at
	s.skipSpace()
	switch rest := s.text[s.at:]; {
	case strings.HasPrefix(rest, `"`):
		p.kind = nameKind
		p.text, fault = s.quoted('"')
	case strings.HasPrefix(rest, `'`):
		p.kind = textKind
		p.text, fault = s.quoted('\'')
	case strings.HasPrefix(rest, "$.") || strings.HasPrefix(rest, "$["):
		p.kind = pathKind
		p.path, fault = s.path()
	default:
		s.at = begin
		return s.bare()
	}
	if fault != "" {
		return p, fault
	}
	s.skipSpace()
	if s.at < len(s.text) && s.text[s.at] != '+' {
		return p, "a + is expected here"
	}
	return p, ""
}

func (s *scanner) bare() (p part, fault string) {
	text, _, _ := strings.Cut(s.text[s.at:], "+")
	if text == "" {
		return p, "a column or a text is missing here"
	}
	s.at += len(text)
	if hasWord(text) {
		text = strings.TrimSpace(text)
	}
	return part{kind: nameKind, text: text}, ""
}

// quoted reads a text in quotes, which must not be empty. A quote in it is doubled.
func (s *scanner) quoted(quote byte) (text string, fault string) {
	begin := s.at
	var b strings.Builder
	for s.at++; s.at < len(s.text); s.at++ {
		c := s.text[s.at]
		if c == quote {
			s.at++
			if s.at == len(s.text) || s.text[s.at] != quote {
				if b.Len() == 0 {
					s.at = begin
					return "", "there is nothing in the quotes"
				}
				return b.String(), ""
			}
		}
		b.WriteByte(c)
	}
	s.at = begin
	return "", "this quote is not closed"
}

func (s *scanner) skipSpace() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t') {
		s.at++
	}
}
