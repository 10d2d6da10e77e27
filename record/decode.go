package record

import (
	"strconv"
	"strings"
)

// DefaultMaxBytes is the size limit of a body where none is configured.
const DefaultMaxBytes = 65536

// Decoder turns a body into a Record. The zero value is ready for use, and a
// Decoder may be used by any number of goroutines at once.
type Decoder struct {
	// MaxBytes is the largest body accepted, in bytes; 0 means DefaultMaxBytes.
	MaxBytes int
}

// Refusal is why a body is no record. It names the field and the rule that it
// breaks, and never quotes the value, which may be personal.
type Refusal struct {
	// Outcome is Malformed (no JSON object as the service wants it) or Invalid
	// (at least one field breaks its rule).
	Outcome Outcome
	// Reason begins with "Invalid JSON" where Outcome is Malformed; otherwise it
	// names every field at fault: "email: the part after @ has no dot; createdAt: missing".
	Reason string
	// CustomerID is the trimmed customerId where that field is valid itself.
	CustomerID string
}

// Error is the reason.
func (r *Refusal) Error() string { return r.Reason }

// Decode reads and judges one body: a JSON object, UTF-8, whose fields
// customerId, name, email and createdAt keep their rules (docs/validation.md).
// The error, if any, is a *Refusal. The record keeps no reference to body.
func (d Decoder) Decode(body []byte) (Record, error) {
	fields, refusal := d.read(body)
	if refusal != nil {
		return Record{}, refusal
	}
	var (
		r      Record
		faults faults
	)
	r.CustomerID = faults.check("customerId", fields.customerID, customerIDRule)
	r.Name = faults.check("name", fields.name, nameRule)
	r.Email = faults.check("email", fields.email, emailRule)
	if text, ok := faults.text("createdAt", fields.createdAt); ok {
		at, why := parseCreatedAt(text)
		faults.add("createdAt", why)
		r.CreatedAt = at
	}
	if faults.reason != nil {
		return Record{}, &Refusal{Outcome: Invalid, Reason: string(faults.reason), CustomerID: strings.Clone(r.CustomerID)}
	}
	return r.identified(), nil
}

func (d Decoder) read(body []byte) (fields, *Refusal) {
	limit := d.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	if len(body) > limit {
		return fields{}, malformed("larger than " + strconv.Itoa(limit) + " bytes")
	}
	f, fault := scan(body)
	if fault != nil {
		return fields{}, malformed(fault.Error())
	}
	return f, nil
}

func malformed(why string) *Refusal {
	return &Refusal{Outcome: Malformed, Reason: "Invalid JSON: " + why}
}

// PeekCustomerID is the trimmed customerId of a body of any size, if the body
// is a JSON object and the field is valid; the other fields are not judged.
func PeekCustomerID(body []byte) (string, bool) {
	f, fault := scan(body)
	if fault != nil || f.customerID.kind != '"' {
		return "", false
	}
	id, why := customerIDRule(unquote(f.customerID.text))
	return strings.Clone(id), why == ""
}
