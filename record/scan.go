package record

import "fmt"

// maxDepth is how deeply objects and arrays may be nested; the body's own
// object counts as 1.
const maxDepth = 32

// kind is the JSON type of a value.
type kind uint8

const (
	absent kind = iota
	nullKind
	boolKind
	numberKind
	textKind
	arrayKind
	objectKind
)

// String names the kind as a refusal does.
func (k kind) String() string {
	return [...]string{"absent", "null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// value is one scanned value. token is what stands between the quotes of a
// string, in the body itself; escaped says whether it holds escapes.
type value struct {
	kind    kind
	escaped bool
	token   []byte
}

// bytes is the text of a string value, its escapes resolved.
func (v value) bytes() []byte {
	if v.escaped {
		return unescape(v.token)
	}
	return v.token
}

// syntaxError is why a body is not the JSON that the service wants.
type syntaxError struct {
	offset int // bytes from the start of the body
	why    string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%s (at byte %d)", e.why, e.offset) }

// scanner reads a body from left to right, once, and allocates nothing for
// ordinary records. It is RFC 8259 made stricter: no key twice in an object,
// only valid UTF-8 (so no lone surrogate escapes either), nesting to maxDepth.
type scanner struct {
	body  []byte
	pos   int
	depth int
}

// scan reads a body, which must be a single object.
func scan(body []byte) (fields, *syntaxError) {
	s := scanner{body: body}
	var f fields
	s.space()
	switch c, ok := s.peek(); {
	case !ok:
		return f, s.fault("the body is empty")
	case c != '{':
		return f, s.fault("the body is not an object")
	}
	if err := s.object(&f); err != nil {
		return f, err
	}
	s.space()
	if _, more := s.peek(); more {
		return f, s.fault("there is text after the object")
	}
	return f, nil
}

func (s *scanner) fault(why string) *syntaxError { return &syntaxError{s.pos, why} }

func (s *scanner) peek() (byte, bool) {
	if s.pos >= len(s.body) {
		return 0, false
	}
	return s.body[s.pos], true
}

// accept consumes the byte c if it comes next.
func (s *scanner) accept(c byte) bool {
	if s.pos < len(s.body) && s.body[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.pos < len(s.body) {
		switch s.body[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// value reads any value, s.pos being at its first byte.
func (s *scanner) value() (value, *syntaxError) {
	c, ok := s.peek()
	if !ok {
		return value{}, s.fault("the body ends too early")
	}
	switch {
	case c == '"':
		return s.text()
	case c == '{':
		return value{kind: objectKind}, s.object(nil)
	case c == '[':
		return value{kind: arrayKind}, s.array()
	case c == '-' || isDigit(c):
		return value{kind: numberKind}, s.number()
	}
	return s.literal(c)
}

func (s *scanner) literal(c byte) (value, *syntaxError) {
	for _, l := range [...]struct {
		text string
		kind kind
	}{{"true", boolKind}, {"false", boolKind}, {"null", nullKind}} {
		if n := s.pos + len(l.text); n <= len(s.body) && string(s.body[s.pos:n]) == l.text {
			s.pos = n
			return value{kind: l.kind}, nil
		}
	}
	if c == 'N' || c == 'I' {
		return value{}, s.fault("NaN and Infinity are not allowed")
	}
	return value{}, s.fault("a value is expected")
}

// enter begins an object or an array.
func (s *scanner) enter() *syntaxError {
	if s.depth++; s.depth > maxDepth {
		return s.fault("nested deeper than 32 levels")
	}
	s.pos++
	s.space()
	return nil
}

// object reads an object; the values of known fields go to f, if that is not nil.
func (s *scanner) object(f *fields) *syntaxError {
	if err := s.enter(); err != nil {
		return err
	}
	var keys keySet
	for first := true; !s.accept('}'); first = false {
		if !first {
			if err := s.comma('}'); err != nil {
				return err
			}
		}
		if err := s.member(f, &keys); err != nil {
			return err
		}
		s.space()
	}
	s.depth--
	return nil
}

// member reads `"key": value`.
func (s *scanner) member(f *fields, keys *keySet) *syntaxError {
	if c, ok := s.peek(); !ok || c != '"' {
		return s.fault("a key in quotes is expected")
	}
	start := s.pos
	key, err := s.text()
	if err != nil {
		return err
	}
	name := key.bytes()
	if !keys.add(name) {
		return &syntaxError{start, "the same key twice in one object"}
	}
	s.space()
	if !s.accept(':') {
		return s.fault("a colon is expected")
	}
	s.space()
	v, err := s.value()
	if err != nil {
		return err
	}
	if f != nil {
		if slot := f.slot(name); slot != nil {
			*slot = v
		}
	}
	return nil
}

func (s *scanner) array() *syntaxError {
	if err := s.enter(); err != nil {
		return err
	}
	for first := true; !s.accept(']'); first = false {
		if !first {
			if err := s.comma(']'); err != nil {
				return err
			}
		}
		if _, err := s.value(); err != nil {
			return err
		}
		s.space()
	}
	s.depth--
	return nil
}

// comma reads the comma between two elements; end is what might close them.
func (s *scanner) comma(end byte) *syntaxError {
	if !s.accept(',') {
		if s.pos >= len(s.body) {
			return s.fault("the body ends too early")
		}
		return s.fault("a comma or " + string(end) + " is expected")
	}
	s.space()
	return nil
}

// number reads a number of RFC 8259, section 6.
func (s *scanner) number() *syntaxError {
	s.accept('-')
	if !s.accept('0') && !s.digits() {
		return s.fault("a digit is expected")
	}
	if s.accept('.') && !s.digits() {
		return s.fault("a digit is expected")
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('+') {
			s.accept('-')
		}
		if !s.digits() {
			return s.fault("a digit is expected")
		}
	}
	return nil
}

// digits consumes digits and says whether there was one.
func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.body) && isDigit(s.body[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
