package file

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// unwrap says how to get at the records of a value that has them in an array, or
// nothing if it has no array of objects. Of the value, the beginning suffices.
func unwrap(value []byte) (advice string) {
	found := arrays(value)
	if len(found) == 0 {
		return ""
	}
	names := make([]string, len(found))
	for i, at := range found {
		names[i] = at.name()
	}
	return fmt.Sprintf("the records may be the elements of %s: extract them, for example with jq -c '%s[]'", strings.Join(names, " or "), found[0].filter())
}

const mostArrays = 5 // that are named

// arrays returns where a value has arrays of objects that are in no other one.
func arrays(value []byte) (found []arrayPath) {
	d := jsontext.NewDecoder(bytes.NewReader(value), lenient...)
	within := 0 // depth of the array that was found last, or 0 after it
	for len(found) < mostArrays {
		token, err := d.ReadToken()
		if err != nil {
			break
		}
		switch {
		case within > 0 && d.StackDepth() < within:
			within = 0
		case within == 0 && token.Kind() == '[' && d.PeekKind() == '{':
			found, within = append(found, slices.Collect(d.StackPointer().Tokens())), d.StackDepth()
		}
	}
	return found
}

// arrayPath are the names of the members, and the indexes, that lead to an array.
type arrayPath []string

func (p arrayPath) name() string {
	if len(p) == 0 {
		return "the array"
	}
	return strings.Join(p, ".")
}

// filter returns the filter of jq, in single quotes of a shell.
func (p arrayPath) filter() string {
	var filter strings.Builder
	for _, name := range p {
		filter.WriteString(jqStep(name))
	}
	return strings.ReplaceAll("."+strings.TrimPrefix(filter.String(), "."), "'", `'\''`)
}

// longWrapper adds advice to the error of a record that is too long.
func longWrapper(err error, begin []byte) error {
	var long tooLong
	if errors.As(err, &long) {
		if advice := unwrap(begin); advice != "" {
			return fmt.Errorf("%w; %s", err, advice)
		}
	}
	return err
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// jqStep returns the step to a member or an element in a filter of jq.
func jqStep(name string) string {
	if identifier.MatchString(name) {
		return "." + name
	}
	if strings.Trim(name, "0123456789") == "" {
		return "[" + name + "]"
	}
	return fmt.Sprintf("[%q]", name)
}
