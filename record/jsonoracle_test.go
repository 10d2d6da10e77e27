package record_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"testing"
)

// oracle reads a body by encoding/json and finds what that accepts and the
// service does not.
type oracle struct {
	tokens       *json.Decoder
	depth        int
	twice, deep  bool
	lone, object bool
	large        bool
}

// consult judges a body that is JSON and valid UTF-8.
func consult(t *testing.T, body []byte) *oracle {
	t.Helper()
	o := &oracle{tokens: json.NewDecoder(bytes.NewReader(body)), large: len(body) > 65536}
	o.tokens.UseNumber()
	o.object = bytes.TrimLeft(body, " \t\r\n")[0] == '{'
	for _, escape := range escapes.FindAll(body, -1) {
		o.lone = o.lone || loneSurrogate.Match(escape)
	}
	o.value(t)
	return o
}

// A backslash in JSON is always the beginning of an escape, a surrogate pair
// being one.
var (
	escapes       = regexp.MustCompile(`\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.`)
	loneSurrogate = regexp.MustCompile(`^\\u[dD][89a-fA-F]..$`)
)

func (o *oracle) next(t *testing.T) json.Token {
	t.Helper()
	token, err := o.tokens.Token()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// value reads one value with all that is inside.
func (o *oracle) value(t *testing.T) {
	t.Helper()
	begin, nested := o.next(t).(json.Delim)
	if !nested {
		return
	}
	o.depth++
	o.deep = o.deep || o.depth > 32
	keys := map[json.Token]bool{}
	for o.tokens.More() {
		if begin == '{' {
			key := o.next(t)
			o.twice = o.twice || keys[key]
			keys[key] = true
		}
		o.value(t)
	}
	o.next(t)
	o.depth--
}

// reasons are the beginnings of the reasons that a refusal may give, whichever
// fault comes first; without any the body must be read.
func (o *oracle) reasons() (all []string) {
	for reason, holds := range map[string]bool{
		"the same key twice in one object": o.twice,
		"nested deeper than 32 levels":     o.deep,
		"a lone surrogate escape":          o.lone,
		"the body is not an object":        !o.object,
		"larger than 65536 bytes":          o.large,
	} {
		if holds {
			all = append(all, reason)
		}
	}
	return all
}
