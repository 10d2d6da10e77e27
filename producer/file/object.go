package file

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// lenient leaves to the worker what is a rule of records and not of JSON's syntax.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// object makes a body of a JSON object, which must be in the file's encoding.
func object(in *opened, m Mapper, line int, raw []byte) ([]byte, error) {
	in.noteMisread(raw, func(i int) RowError { return RowError{Line: line, Field: memberAt(raw, i)} })
	if i := in.invalid(raw); i >= 0 {
		fault := in.encodingFault(raw, i)
		fault.Line, fault.Field = line, memberAt(raw, i)
		return nil, fault
	}
	return mapped(m, line, raw)
}

func mapped(m Mapper, line int, raw []byte) ([]byte, error) {
	body, err := m.Object(raw)
	if err != nil {
		return nil, inLine(err, line)
	}
	return body, nil
}

// memberAt returns the name of the member at a position, as far as it is known.
func memberAt(raw []byte, i int) string {
	d := jsontext.NewDecoder(bytes.NewReader(raw), lenient...)
	for {
		if _, err := d.ReadToken(); err != nil {
			return ""
		}
		if d.InputOffset() > int64(i) {
			return strings.ToValidUTF8(d.StackPointer().LastToken(), "")
		}
	}
}

const commaFollows = "a comma follows the object"

// objectFault says why a text is not one JSON object, or nothing.
func objectFault(raw []byte) string {
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	value, err := d.ReadValue()
	if err != nil {
		return syntaxFault(err)
	}
	if value.Kind() != '{' {
		return kindName(byte(value.Kind())) + ", not an object"
	}
	rest := bytes.TrimSpace(raw[d.InputOffset():])
	switch {
	case len(rest) == 0:
		return ""
	case string(rest) == ",":
		return commaFollows
	}
	return "text follows the object"
}

// syntaxFault returns what an error of the decoder says, without where it is.
func syntaxFault(err error) string {
	var syntax *jsontext.SyntacticError
	switch {
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends too early"
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "it has a member twice"
	case !errors.As(err, &syntax):
		return err.Error()
	}
	return strings.TrimPrefix(syntax.Err.Error(), "jsontext: ")
}
