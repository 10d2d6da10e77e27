package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Object maps a JSON object to a record: the fields that the mapping names, and then
// the other members unchanged. A number becomes a string. A member that is a field
// or part of one is not repeated, but an object that contains one stays. A field
// without a value is left out.
//
// The body itself is returned if nothing is mapped, or if it is not one JSON object:
// to refuse that is the decoder's task. An error is an *Error.
func (m *Mapping) Object(body []byte) ([]byte, error) {
	if !m.some {
		return body, nil
	}
	members, ok := parseMembers(body)
	if !ok {
		return body, nil
	}
	o := object{members: members, out: append(make([]byte, 0, len(body)+len(body)/2), '{')}
	for i := range fieldNames {
		if err := o.field(i, m.expression(i, members), m.fields[i].mark, m.clock); err != nil {
			return nil, err
		}
	}
	o.rest()
	return append(o.out, '}'), nil
}

// expression returns the expression of a field of an object, or none if the field
// remains as it is.
func (m *Mapping) expression(field int, members []memberValue) Expression {
	rule := m.fields[field]
	if rule.given != nil {
		return *rule.given
	}
	for _, a := range rule.candidates {
		if e, ok := a.of(members); ok {
			return e
		}
	}
	if field == createdAt && m.clock != nil {
		return Expression{parts: []part{{text: fieldNames[field]}}}
	}
	return Expression{}
}

// of returns the expression that an object has a value for, or else the first one of
// which it has a member.
func (a alternatives) of(members []memberValue) (first Expression, ok bool) {
	for _, e := range a {
		for _, p := range e.parts {
			i := find(members, p.text)
			if i < 0 {
				continue
			}
			if !members[i].blank() {
				return e, true
			}
			if !ok {
				first, ok = e, true
			}
		}
	}
	return first, ok
}

// blank reports whether the member is null or a blank string.
func (m *memberValue) blank() bool {
	if m.value.Kind() == '"' {
		text, err := jsontext.AppendUnquote(nil, m.value)
		return err == nil && len(bytes.TrimSpace(text)) == 0
	}
	return m.value.Kind() == 'n'
}

// memberValue is a member of the outermost object. Its parts are those of the body.
type memberValue struct {
	name   string
	quoted []byte // the name as it is written
	value  jsontext.Value
	used   bool
}

func find(members []memberValue, name string) int {
	return slices.IndexFunc(members, func(m memberValue) bool { return m.name == name })
}

// parseMembers is not ok if the body is not exactly one JSON object.
func parseMembers(body []byte) (members []memberValue, ok bool) {
	d := jsontext.NewDecoder(bytes.NewBuffer(body)) // reads the body in place
	if d.PeekKind() != '{' {
		return nil, false
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, false
	}
	raw := func() []byte {
		v, err := d.ReadValue()
		if err != nil {
			return nil
		}
		end := int(d.InputOffset())
		return body[end-len(v) : end]
	}
	for d.PeekKind() == '"' {
		name := raw()
		value := raw()
		if name == nil || value == nil {
			return nil, false
		}
		text, err := jsontext.AppendUnquote(nil, name)
		if err != nil {
			return nil, false
		}
		members = append(members, memberValue{name: string(text), quoted: name, value: value})
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, false
	}
	_, err := d.ReadToken()
	return members, errors.Is(err, io.EOF)
}

// object is a record in the making.
type object struct {
	members []memberValue
	out     []byte
	mapped  [len(fieldNames)]bool
}

func (o *object) field(field int, e Expression, mark string, clock *clock) error {
	o.mapped[field] = len(e.parts) > 0
	s, values, found, err := o.source(field, e)
	if err != nil || !found {
		return err
	}
	s.mark = mark
	value := s.value(values)
	if field == createdAt && clock != nil {
		t, why := clock.read(value, e.inUTC())
		if why != (unread{}) {
			return &Error{Field: fieldNames[field], Reason: why.String(), Value: why.value, Rule: why.rule}
		}
		value = string(appendTime(nil, t))
	}
	o.comma()
	o.out = append(o.out, `"`+fieldNames[field]+`":"`...)
	o.out = append(appendEscaped(o.out, value), '"')
	return nil
}

// source returns an expression as a source whose row are the values. Nothing is
// found if the object has none of them.
func (o *object) source(field int, e Expression) (s source, values []string, found bool, err error) {
	for _, p := range e.parts {
		at, ok := p.member(o.members)
		if !ok {
			s.addText(p.text)
			continue
		}
		value, exists, err := o.value(field, at)
		if err != nil {
			return s, nil, false, err
		}
		found = found || exists
		s.addColumn(len(values))
		values = append(values, value)
	}
	s.end()
	if s.constant && len(e.parts) > 0 {
		if field != createdAt {
			return s, nil, false, &Error{Field: fieldNames[field], Reason: constantReason(e)}
		}
		found = true
	}
	return s, values, found, nil
}

// member returns the path that a part stands for. It is not ok if the part is a text.
func (p part) member(members []memberValue) (at path, ok bool) {
	switch {
	case p.kind == pathKind:
		return p.path, true
	case p.kind == nameKind && (hasWord(p.text) || find(members, p.text) >= 0):
		return path{{name: p.text, index: -1}}, true
	}
	return nil, false
}

// lookup returns the value to which a path leads, and in which member it is. If only
// some steps of the path lead to a value, depth is their number.
func lookup(members []memberValue, at path) (v jsontext.Value, in, depth int) {
	in = find(members, at[0].name)
	if in < 0 || at[0].index >= 0 {
		return nil, none, 0
	}
	v = members[in].value
	for depth = 1; depth < len(at); depth++ {
		next := child(v, at[depth])
		if next == nil {
			break
		}
		v = next
	}
	return v, in, depth
}

// value returns the text of a string or number. Null is no value.
func (o *object) value(field int, at path) (text string, exists bool, err error) {
	v, in, depth := lookup(o.members, at)
	if depth < len(at) {
		return "", false, nil
	}
	o.members[in].used = o.members[in].used || len(at) == 1
	switch v.Kind() {
	case '"':
		unquoted, err := jsontext.AppendUnquote(nil, v)
		return string(unquoted), err == nil, nil
	case '0':
		return string(v), true, nil
	case 'n':
		return "", false, nil
	}
	return "", false, &Error{Field: fieldNames[field], Reason: fmt.Sprintf("%s is %s, not a string or a number", at, kindName(v.Kind()))}
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "a boolean"
}

func (o *object) comma() {
	if len(o.out) > 1 {
		o.out = append(o.out, ',')
	}
}

// rest writes the members that are no fields. A member with the name of a field that
// is mapped gets a new name, even if the field has no value.
func (o *object) rest() {
	var taken uniqueNames
	for _, m := range o.members {
		if m.used {
			continue
		}
		name := m.quoted
		if i := slices.Index(fieldNames[:], m.name); i >= 0 && o.mapped[i] {
			if taken == nil {
				taken = make(uniqueNames, len(o.members))
				for _, m := range o.members {
					taken.add(m.name)
				}
			}
			name = []byte(`"` + taken.add(m.name) + `"`)
		}
		o.comma()
		o.out = append(append(append(o.out, name...), ':'), m.value...)
	}
}
