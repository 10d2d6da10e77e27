package file

import (
	"errors"
	"fmt"

	"ingestion/producer/mapping"
)

const fields = 4 // of a record

// objects judges a file of objects by their members, as a header does for rows.
type objects struct {
	sample         Sample
	records, found int
	first          []byte    // the first record
	fault          *RowError // of the first one that is no object
}

// judgeObjects returns no judge if the mapper accepts all objects.
func judgeObjects(m Mapper) []judge {
	if sample := m.Sample(); sample != nil {
		return []judge{&objects{sample: sample}}
	}
	return nil
}

func (o *objects) add(line Line) (accepted bool, err error) {
	if o.records++; o.records == 1 {
		o.first = line.Raw
	}
	fault := objectFault(line.Raw)
	switch {
	case fault == "":
		o.found++
		return o.sample.Add(line.Raw), nil
	case fault == commaFollows:
		return false, &Refusal{Reason: fmt.Sprintf("line %d: %s: remove it from all lines, or put [ and ] around them", line.Number, fault)}
	case o.fault == nil:
		o.fault = &RowError{Line: line.Number, Reason: fault, Hint: HintFormat}
		var known *RowError
		if errors.As(line.Err, &known) && known.Hint == HintEncoding {
			o.fault.Reason, o.fault.Hint = known.Reason, known.Hint
		}
	}
	return false, nil
}

func (o *objects) refusal() error {
	if o.found == 0 {
		return o.noObjects()
	}
	err := o.sample.Check()
	if err == nil {
		return nil
	}
	reason := err.Error()
	var lacks *mapping.MembersError
	if errors.As(err, &lacks) && len(lacks.Faults) == fields {
		if advice := unwrap(o.first); advice != "" {
			reason = "the first object has none of the fields; " + advice
		}
	}
	return &Refusal{Reason: reason, Hint: HintMembers, Err: err}
}

func (o *objects) noObjects() *Refusal {
	reason := fmt.Sprintf("line %d is not a JSON object: %s", o.fault.Line, o.fault.Reason)
	if o.records > 1 {
		reason = fmt.Sprintf("none of the first %d records is a JSON object; %v", o.records, o.fault)
	}
	if advice := unwrap(o.first); advice != "" {
		reason += "; " + advice
	}
	return &Refusal{Reason: reason, Hint: o.fault.Hint}
}
