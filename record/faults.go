package record

import "strings"

// Fault says why a field of a body is refused.
type Fault struct{ Field, Reason string }

// Faults returns the fields that Decode would refuse, in the order of the fields. It
// is not ok if Decode would not look at the fields, because the body is too large or
// not acceptable JSON.
func (d Decoder) Faults(body []byte) (all []Fault, ok bool) {
	fields, refusal := d.read(body)
	if refusal != nil {
		return nil, false
	}
	all = addFault(all, "customerId", fields.customerID, customerIDRule)
	all = addFault(all, "name", fields.name, nameRule)
	all = addFault(all, "email", fields.email, emailRule)
	return addFault(all, "createdAt", fields.createdAt, createdAtRule), true
}

func addFault[T any](all []Fault, field string, v value, rule func([]byte) (T, string)) []Fault {
	var f faults
	check(&f, field, v, rule)
	if f.reason == nil {
		return all
	}
	return append(all, Fault{field, strings.TrimPrefix(string(f.reason), field+": ")})
}
