package mapping

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// fieldNames are the fields of a record, in the order in which they are written.
var fieldNames = [...]string{"customerId", "name", "email", "createdAt"}

// indices in fieldNames
const (
	customerID = 0
	email      = 2
	createdAt  = 3
)

// Options describe where the fields of a record come from. With the zero value,
// each field is the column of its name.
type Options struct {
	// Fields has the expressions of fields, for example "name": "First Name+ +Last Name".
	// A field without one comes from the preset, or else from the column of its
	// name.
	Fields map[string]string
	// Preset is the name of one of Presets, or empty.
	Preset string
	// TimeFormat is how createdAt is written:
	//
	//   - unix, unix-ms: seconds or milliseconds since 1970, in UTC
	//   - excel: days since 1900, with a fraction for the time, as spreadsheets
	//     store them
	//   - a strftime format such as %d/%m/%Y %H:%M. A number may have fewer digits
	//     than usual.
	//   - a layout of Go's package time, such as 02/01/2006 15:04
	//
	// A value is converted to RFC 3339. So is one in ISO 8601 with T between date and
	// time, whatever the format is. If TimeFormat is empty, values are ISO 8601, and
	// remain unchanged unless Zone is set and they have no offset.
	TimeFormat string
	// Zone is the time zone of values without an offset; nil means UTC. So are the
	// values of a column whose name says UTC or GMT. A time that clocks in the zone skip
	// is moved by as much as they are set forward: midnight becomes the first instant of
	// its day. Of two instants at which they show the same time, it is the first.
	Zone *time.Location
}

// Mapping maps rows and objects to records. It is safe for concurrent use.
type Mapping struct {
	fields [len(fieldNames)]rule
	clock  *clock // nil: createdAt remains unchanged
	preset *preset
	some   bool // whether anything is mapped in an object
}

// rule says where a field comes from.
type rule struct {
	// given is the field's own expression. All its columns must exist.
	given *Expression
	// candidates are the preset's. The first of which the header has a column is used.
	candidates []alternatives
	mark       string // removed from the beginning of the value
	absent     string // why the preset has no candidates
	remarks    map[string]string
}

// alternatives are expressions for a field. Of a row, the first one that has a value
// is used.
type alternatives []Expression

// wanted returns the names that a field's column or member may have.
func (r rule) wanted(field int) []string {
	names := []string{fieldNames[field]}
	for _, candidate := range r.candidates {
		for _, e := range candidate {
			names = append(names, e.names()...)
		}
	}
	return names
}

// lacks says what is missing, a column or a member, if there is neither one of the
// preset's nor one with the name of the field.
func (r rule) lacks(what string) string {
	switch {
	case r.absent != "":
		return r.absent
	case len(r.candidates) > 0:
		return "there is no " + what + " " + r.candidates[0][0].String()
	}
	return "there is no such " + what
}

// New checks the options. The error joins all faults.
func New(o Options) (*Mapping, error) {
	m := &Mapping{some: len(o.Fields) > 0 || o.Preset != ""}
	var faults []error
	if o.Preset != "" {
		faults = append(faults, m.usePreset(o.Preset))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Fields)) {
		faults = append(faults, m.give(name, o.Fields[name]))
	}
	var err error
	if m.clock, err = newClock(o.TimeFormat, o.Zone); err != nil {
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	m.some = m.some || m.clock != nil
	return m, nil
}

func (m *Mapping) usePreset(name string) error {
	for i := range presets {
		if presets[i].Name == name {
			m.preset = &presets[i]
			return m.preset.apply(m)
		}
	}
	names := presetNames()
	return fmt.Errorf("there is no preset %q: want %s%s", name, either(names), didYouMean(near(name, names)))
}

func (m *Mapping) give(field, expression string) error {
	i := slices.Index(fieldNames[:], field)
	if i < 0 {
		return fmt.Errorf("%q is not a field of a record: want %s%s", field, either(fieldNames[:]), didYouMean(near(field, fieldNames[:])))
	}
	e, err := ParseExpression(expression)
	if err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	m.fields[i] = rule{given: &e}
	return nil
}

// quoteAll returns the names in quotes, separated by commas, at most 40 of them.
func quoteAll(names []string) string {
	const most = 40
	var b strings.Builder
	for i, name := range names[:min(most, len(names))] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(shorten(name))
	}
	if more := len(names) - most; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}
