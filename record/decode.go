package record

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// DefaultMaxBytes is the maximum size of a body, in bytes, unless
// Decoder.MaxBytes says otherwise.
const DefaultMaxBytes = 65536

// Decoder decodes and validates bodies. The zero value is ready for use. A
// Decoder is safe for concurrent use.
type Decoder struct {
	// MaxBytes is the maximum size of a body, in bytes; 0 means DefaultMaxBytes.
	MaxBytes int
}

// Refusal is the error of a body that is not a valid record. It names fields
// and rules but never quotes a value, which may be personal data.
type Refusal struct {
	// Outcome is Malformed if the body is not acceptable JSON, and Invalid if at
	// least one field breaks its rule.
	Outcome Outcome
	// Reason begins with "Invalid JSON" if Outcome is Malformed. Otherwise it
	// lists every invalid field: "email: the part after @ has no dot; createdAt: missing".
	Reason string
	// CustomerID is the trimmed customerId if that field is valid.
	CustomerID string
}

// Error returns the reason.
func (r *Refusal) Error() string { return r.Reason }

// Decode decodes and validates a body: a JSON object in UTF-8 whose fields
// customerId, name, email and createdAt follow the rules in docs/validation.md.
// Any error is a *Refusal. The record does not refer to body's memory.
func (d Decoder) Decode(body []byte) (Record, error) {
	fields, refusal := d.read(body)
	if refusal != nil {
		return Record{}, refusal
	}
	var (
		r      Record
		faults faults
	)
	r.CustomerID = check(&faults, "customerId", fields.customerID, customerIDRule)
	r.Name = check(&faults, "name", fields.name, nameRule)
	r.Email = check(&faults, "email", fields.email, emailRule)
	r.CreatedAt = check(&faults, "createdAt", fields.createdAt, createdAtRule)
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

// PeekCustomerID returns the trimmed customerId of a body of any size. It
// reports false if the body is not acceptable JSON or customerId is not valid;
// other fields are not validated.
func PeekCustomerID(body []byte) (string, bool) {
	f, fault := scan(body)
	if fault != nil || f.customerID.kind != '"' {
		return "", false
	}
	id, why := customerIDRule(unquote(f.customerID.text))
	return strings.Clone(id), why == ""
}

// Excerpt returns the beginning of a body for a log line: at most limit bytes of
// valid UTF-8, cut between characters. Each invalid byte becomes U+FFFD.
func Excerpt(body []byte, limit int) string {
	out := make([]byte, 0, min(len(body), max(limit, 0)))
	for len(body) > 0 {
		r, size := utf8.DecodeRune(body)
		if len(out)+utf8.RuneLen(r) > limit {
			break
		}
		out = utf8.AppendRune(out, r)
		body = body[size:]
	}
	return string(out)
}
