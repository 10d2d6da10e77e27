package record

import (
	"bytes"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth limits the nesting of objects and arrays; the body's own object
// counts as 1.
const maxDepth = 32

// value is the value of a field. Its kind is jsontext.KindInvalid if the field
// is missing; text is the quoted JSON string, or nil for any other kind. It is
// part of the body.
type value struct {
	kind jsontext.Kind
	text []byte
}

// unquote returns the characters of a quoted JSON string that is known to be
// valid. It copies them only if there are escapes.
func unquote(text []byte) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return text[1 : len(text)-1]
	}
	text, _ = jsontext.AppendUnquote(nil, text)
	return text
}

// scanner reads one body: RFC 8259 with unique names and valid UTF-8 (so no
// lone surrogate escapes), as jsontext has them by default, nested to maxDepth.
type scanner struct {
	body   []byte
	source bytes.Buffer // jsontext reads the bytes of a bytes.Buffer in place
	tokens jsontext.Decoder
}

var scanners = sync.Pool{New: func() any {
	s := new(scanner)
	s.tokens.Reset(&s.source)
	return s
}}

// scan reads a body, which must be a single object.
func scan(body []byte) (fields, *syntaxError) {
	s := scanners.Get().(*scanner)
	s.body, s.source = body, *bytes.NewBuffer(body)
	f, err := s.fields()
	s.body, s.source = nil, bytes.Buffer{} // the pool keeps no body alive
	s.tokens.Reset(&s.source)
	scanners.Put(s)
	return f, err
}

func (s *scanner) fields() (f fields, err *syntaxError) {
	switch start := s.skipSpace(0); {
	case start == len(s.body):
		return f, &syntaxError{start, "the body is empty"}
	case s.body[start] != '{':
		return f, &syntaxError{start, "the body is not an object"}
	}
	if _, err := s.tokens.ReadToken(); err != nil {
		return f, s.fault(err)
	}
	for next := s.tokens.PeekKind(); next != '}'; next = s.tokens.PeekKind() {
		if err := s.member(&f, next); err != nil {
			return f, err
		}
	}
	if _, err := s.tokens.ReadToken(); err != nil {
		return f, s.fault(err)
	}
	if end := s.skipSpace(int(s.tokens.InputOffset())); end < len(s.body) {
		return f, &syntaxError{end, "there is text after the object"}
	}
	return f, nil
}

// member reads `"name": value`. The value goes to f if f has a field of that name.
func (s *scanner) member(f *fields, next jsontext.Kind) *syntaxError {
	if next != '"' {
		return s.fault(nil)
	}
	name, err := s.tokens.ReadValue()
	if err != nil {
		return s.fault(err)
	}
	field := f.named(unquote(name)) // before the next read, which invalidates name
	v, fault := s.value()
	if fault == nil && field != nil {
		*field = v
	}
	return fault
}

func (s *scanner) value() (value, *syntaxError) {
	kind := s.tokens.PeekKind()
	if kind == '{' || kind == '[' {
		return value{kind: kind}, s.nested()
	}
	text, err := s.tokens.ReadValue()
	if err != nil {
		return value{}, s.fault(err)
	}
	if kind != '"' {
		return value{kind: kind}, nil
	}
	end := int(s.tokens.InputOffset())
	return value{kind: kind, text: s.body[end-len(text) : end]}, nil
}

// nested reads an object or array token by token, since jsontext's own limit
// on nesting is far higher.
func (s *scanner) nested() *syntaxError {
	for {
		if _, err := s.tokens.ReadToken(); err != nil {
			return s.fault(err)
		}
		switch depth := s.tokens.StackDepth(); {
		case depth > maxDepth:
			return &syntaxError{int(s.tokens.InputOffset()) - 1, "nested deeper than 32 levels"}
		case depth == 1:
			return nil
		}
	}
}

// skipSpace returns the offset of the first byte from pos that is not white space.
func (s *scanner) skipSpace(pos int) int {
	for pos < len(s.body) {
		switch s.body[pos] {
		case ' ', '\t', '\n', '\r':
			pos++
		default:
			return pos
		}
	}
	return pos
}
