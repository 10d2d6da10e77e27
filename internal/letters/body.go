package letters

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Member is a member of a JSON object.
type Member struct {
	Name  string
	Value jsontext.Value // as it is in the body
}

// lenient reads bodies that the service refuses as well.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// Members returns the members of a body in their order, with those that occur twice; false
// if it is not one JSON object.
func Members(body []byte) ([]Member, bool) {
	d := jsontext.NewDecoder(bytes.NewReader(body), lenient...)
	if begin, err := d.ReadToken(); err != nil || begin.Kind() != '{' {
		return nil, false
	}
	var all []Member
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, false
		}
		m := Member{Name: name.String()}
		value, err := d.ReadValue()
		if err != nil {
			return nil, false
		}
		m.Value = value.Clone()
		all = append(all, m)
	}
	if end, err := d.ReadToken(); err != nil || end.Kind() != '}' {
		return nil, false
	}
	_, err := d.ReadToken()
	return all, errors.Is(err, io.EOF)
}

// Object returns members as a JSON object on one line, which is a body.
func Object(members []Member) ([]byte, error) {
	var b bytes.Buffer
	e := jsontext.NewEncoder(&b, append(lenient, jsontext.PreserveRawStrings(true))...)
	err := e.WriteToken(jsontext.BeginObject)
	for _, m := range members {
		err = errors.Join(err, e.WriteToken(jsontext.String(m.Name)), e.WriteValue(m.Value))
	}
	err = errors.Join(err, e.WriteToken(jsontext.EndObject))
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// ErrNoObject means that a body has no members that could be set.
var ErrNoObject = errors.New("the body is not a JSON object, so that no field of it can be set")

// WithField returns a body in which a member is a string. The others stay as they are. If the
// member occurs twice, only the first one is left.
func WithField(body []byte, name, value string) ([]byte, error) {
	members, ok := Members(body)
	if !ok {
		return nil, ErrNoObject
	}
	text, err := jsontext.AppendQuote(nil, value)
	if err != nil {
		return nil, err
	}
	out, done := members[:0:0], false
	for _, m := range members {
		switch {
		case m.Name != name:
			out = append(out, m)
		case !done:
			out, done = append(out, Member{name, text}), true
		}
	}
	if !done {
		out = append(out, Member{name, text})
	}
	return Object(out)
}
