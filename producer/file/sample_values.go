package file

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ingestion/producer/mapping"
)

// FieldFault says why a field of a record is refused.
type FieldFault struct{ Field, Reason string }

// fieldNames are the fields of a record.
var fieldNames = [fields]string{"customerId", "name", "email", "createdAt"}

// fewObjects is how many objects do not tell whether a file of JSON is doomed. Its records
// were written for the worker, which says what is wrong with each.
const fewObjects = 9

// values judges a file by the values of its first records: it is refused if a field is
// refused in all of them.
type values struct {
	few     int // so many records do not tell
	faults  func(body []byte) (faults []FieldFault, ok bool)
	place   func(field string) mapping.Place
	columns Hint // what may help if other columns or members are the fields
	fields  [fields]fieldValues
	created []string // values of createdAt
}

// fieldValues is what is known of a field's values.
type fieldValues struct {
	seen  int
	good  bool      // one of them is valid
	first *RowError // of the first one
}

func (v *values) add(line Line) (accepted bool, err error) {
	if line.Err != nil {
		v.addFault(line)
		return false, nil
	}
	faults, ok := v.faults(line.Body)
	if !ok {
		return false, nil
	}
	v.created = append(v.created, mapping.CreatedAt(line.Body))
	accepted = true
	for i, name := range fieldNames {
		f := &v.fields[i]
		f.seen++
		at := slices.IndexFunc(faults, func(f FieldFault) bool { return f.Field == name })
		if at < 0 {
			f.good = true
		} else if f.first == nil {
			f.first = faults[at].At(v.place(name))
			f.first.Line = line.Number
		}
		accepted = accepted && f.good
	}
	return accepted, nil
}

// addFault takes a row without a record. Unless it is a field's value that is at
// fault, it says nothing about other rows.
func (v *values) addFault(line Line) {
	var fault *mapping.Error
	if !errors.As(line.Err, &fault) || fault.Rule == "" {
		return
	}
	if i := slices.Index(fieldNames[:], fault.Field); i >= 0 {
		f := &v.fields[i]
		if f.seen++; f.first == nil {
			f.first = FieldFault{fault.Field, fault.Rule}.At(v.place(fault.Field))
			f.first.Line = line.Number
		}
		v.created = append(v.created, fault.Value)
	}
}

// At returns the fault of a field as that of its column or member.
func (f FieldFault) At(p mapping.Place) *RowError {
	row := &RowError{Column: p.Column, Field: p.Name, Reason: f.Reason}
	switch {
	case row.Field == "":
		row.Field = f.Field
	case row.Field != f.Field:
		row.Reason = f.Field + ": " + f.Reason
	}
	return row
}

func (v *values) refusal() error {
	var doomed, examples []string
	seen := 0
	for i, f := range v.fields {
		if f.seen > v.few && !f.good {
			doomed = append(doomed, fieldNames[i])
			examples = append(examples, f.first.Error())
			seen = max(seen, f.seen)
		}
	}
	if doomed == nil {
		return nil
	}
	what := "the first record"
	if seen > 1 {
		what = fmt.Sprintf("all of the first %d records", seen)
	}
	reason := fmt.Sprintf("the worker would refuse %s: %s", what, strings.Join(examples, "; "))
	if slices.Contains(doomed, "createdAt") {
		reason += fitting(v.created)
	}
	return &Refusal{Reason: reason, Hint: v.hint(doomed), Values: true}
}

// hint returns what may help if these fields are doomed.
func (v *values) hint(doomed []string) Hint {
	fixed := func(field string) bool { return v.place(field).Fixed }
	switch {
	case !slices.ContainsFunc(doomed, func(field string) bool { return !fixed(field) }):
		return HintFixed
	case len(doomed) == 1 && doomed[0] == "createdAt" && strings.TrimSpace(strings.Join(v.created, "")) != "":
		return HintTime
	}
	return v.columns
}

// fitting says which time formats fit all values, if any.
func fitting(values []string) string {
	switch formats := mapping.Guess(values); len(formats) {
	case 0:
		return ""
	case 1:
		return "; the time format " + formats[0] + " fits"
	default:
		last := len(formats) - 1
		return "; the time formats " + strings.Join(formats[:last], ", ") + " and " + formats[last] + " fit"
	}
}

// times judges a file by whether the times of its first records are plausible.
type times struct {
	doubt   func(bodies [][]byte) string
	doubted [][]byte // bodies
}

func (t *times) add(line Line) (accepted bool, err error) {
	if line.Err != nil {
		return false, nil
	}
	if t.doubt([][]byte{line.Body}) == "" {
		t.doubted = nil
		return true, nil
	}
	t.doubted = append(t.doubted, line.Body)
	return false, nil
}

func (t *times) refusal() error {
	if reason := t.doubt(t.doubted); reason != "" {
		return &Refusal{Reason: reason, Hint: HintTime, Values: true}
	}
	return nil
}

// judgeValues returns the judges of values. There are none if the format is given: then
// the file is what its reader says, whatever it has.
func judgeValues(o Options) (judges []judge) {
	m, ok := o.Mapper.(interface {
		Place(field string) mapping.Place
		Doubt(bodies [][]byte) string
	})
	if !ok || o.trusted {
		return nil
	}
	if o.Faults != nil {
		v := &values{faults: o.Faults, place: m.Place, columns: HintFields}
		if o.Format == NDJSON || o.Format == JSON {
			v.columns, v.few = HintMembers, fewObjects
		}
		judges = append(judges, v)
	}
	return append(judges, &times{doubt: m.Doubt})
}
