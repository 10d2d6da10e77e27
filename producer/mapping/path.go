package mapping

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// path leads to a value in a JSON object.
type path []step

// step is the name of a member, or an index.
type step struct {
	name  string
	index int // -1 if the step is a name
}

var simpleName = regexp.MustCompile(`^[\pL\pN_-]+$`)

func (p path) String() string {
	var b strings.Builder
	b.WriteByte('$')
	for _, s := range p {
		switch {
		case s.index >= 0:
			fmt.Fprintf(&b, "[%d]", s.index)
		case simpleName.MatchString(s.name):
			b.WriteString("." + s.name)
		default:
			b.WriteString("[" + enclose(s.name, '"') + "]")
		}
	}
	return b.String()
}

// path reads a path, which begins with $.
func (s *scanner) path() (p path, fault string) {
	s.at++
	for s.at < len(s.text) && (s.text[s.at] == '.' || s.text[s.at] == '[') {
		read := s.bracket
		if s.text[s.at] == '.' {
			read = s.dotted
		}
		s.at++
		next, fault := read()
		if fault != "" {
			return nil, fault
		}
		p = append(p, next)
	}
	return p, ""
}

func (s *scanner) dotted() (next step, fault string) {
	name := s.text[s.at:]
	if end := strings.IndexAny(name, ".[+"); end >= 0 {
		name = name[:end]
	}
	trimmed := strings.TrimSpace(name)
	if trimmed == "" {
		return next, "a name is expected after the dot"
	}
	s.at += len(name)
	return step{name: trimmed, index: -1}, ""
}

func (s *scanner) bracket() (next step, fault string) {
	if strings.HasPrefix(s.text[s.at:], `"`) {
		next.index = -1
		if next.name, fault = s.quoted('"'); fault != "" {
			return next, fault
		}
	} else {
		digits := s.text[s.at:]
		digits = digits[:len(digits)-len(strings.TrimLeft(digits, "0123456789"))]
		index, err := strconv.ParseInt(digits, 10, 32)
		if err != nil {
			return next, `an index such as 0 or a name such as "a" is expected in the brackets`
		}
		next.index = int(index)
		s.at += len(digits)
	}
	if !strings.HasPrefix(s.text[s.at:], "]") {
		return next, "a ] is expected here"
	}
	s.at++
	return next, ""
}

// child returns the member or element of a valid value, or nil if there is none.
func child(v jsontext.Value, s step) jsontext.Value {
	container := jsontext.Kind('{')
	if s.index >= 0 {
		container = '['
	}
	if v.Kind() != container {
		return nil
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(v))
	_, err := d.ReadToken()
	for i := 0; err == nil && d.PeekKind() != container+2; i++ { // ] and } are [ and { plus 2
		found := i == s.index
		if s.index < 0 {
			var name jsontext.Token
			if name, err = d.ReadToken(); err != nil {
				break
			}
			found = name.String() == s.name
		}
		var value jsontext.Value
		if value, err = d.ReadValue(); err == nil && found {
			return value
		}
	}
	return nil
}
