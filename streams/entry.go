package streams

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// The fields of a stream entry: those of the producer, and those added to
// entries that are put back. The latter count only if {K}:returns says the same
// of the entry: see resolveReturned.
const (
	fieldData        = "data"
	fieldTraceParent = "traceparent"
	fieldTraceState  = "tracestate"
	fieldSource      = "source"

	fieldOrigin  = "ingestion:origin"
	fieldAdmitAt = "ingestion:admitAt"

	// The names that the previous version used.
	fieldOldOrigin  = "origin"
	fieldOldAdmitAt = "admitAt"
)

// NewDelivery is the first delivery of an entry with these fields, alternating names and
// values, which nobody has put back as far as is known.
func NewDelivery(id string, fields []string) Delivery {
	d := newDelivery(id, fields, 1)
	d.Origin, d.AdmitAt = "", 0
	return d
}

// newDelivery is an entry with these fields, alternating names and values.
func newDelivery(id string, fields []string, deliveries int64) Delivery {
	d := Delivery{ID: id, Deliveries: deliveries, ArrivedAt: arrival(id)}
	bodies := 0
	for i := 0; i+1 < len(fields); i += 2 {
		bodies += d.setField(fields[i], []byte(fields[i+1]))
	}
	if bodies != 1 {
		d.Body, d.Fields = nil, append([]string{}, fields[:len(fields)/2*2]...) // not nil, though an entry has no fields
	}
	return d
}

// setField takes in one field of the entry and returns the number of bodies in
// it, 0 or 1.
func (d *Delivery) setField(name string, value []byte) (bodies int) {
	switch name {
	case fieldData:
		d.Body = value
		return 1
	case fieldTraceParent:
		d.TraceParent = view(value)
	case fieldTraceState:
		d.TraceState = view(value)
	case fieldSource:
		d.Source = view(value)
	case fieldOrigin, fieldAdmitAt:
		d.marked = true
	case fieldOldOrigin:
		d.Origin, d.marked = view(value), true
	case fieldOldAdmitAt:
		d.AdmitAt, d.marked = parseSlot(view(value)), true
	}
	return 0
}

// Fault says why an entry can't be a record, whatever its body: it has no field
// "data", or several. It is empty for an entry with exactly one.
func (d *Delivery) Fault() string {
	if d.Fields == nil {
		return ""
	}
	bodies := 0
	for i := 0; i < len(d.Fields); i += 2 {
		if d.Fields[i] == fieldData {
			bodies++
		}
	}
	if bodies == 0 {
		return `the stream entry has no field "data"`
	}
	return fmt.Sprintf(`the stream entry has the field "data" %d times`, bodies)
}

// Content is the body or, for an entry without exactly one field "data", all
// fields as a JSON object, with U+FFFD for invalid UTF-8.
func (d *Delivery) Content() []byte {
	if d.Fields == nil {
		return d.Body
	}
	return fieldsJSON(d.Fields)
}

// fieldsJSON renders fields as a JSON object for people, in their order and with
// duplicate names.
func fieldsJSON(fields []string) []byte {
	out := []byte{'{'}
	for i, s := range fields {
		text, _ := json.Marshal(s) // strings can always be encoded
		out = append(append(out, text...), ":,"[i%2])
	}
	if len(fields) > 0 {
		out = out[:len(out)-1]
	}
	return append(out, '}')
}

// netstrings encodes strings as consecutive netstrings: the length in bytes, a
// colon, the bytes and a comma.
func netstrings(list []string) []byte {
	var out []byte
	for _, s := range list {
		out = strconv.AppendInt(out, int64(len(s)), 10)
		out = append(append(append(out, ':'), s...), ',')
	}
	return out
}

// parseNetstrings is the inverse; nil if text is malformed.
func parseNetstrings(text string) []string {
	list := []string{}
	for text != "" {
		length, rest, _ := strings.Cut(text, ":")
		n, err := strconv.Atoi(length)
		if err != nil || n < 0 || n >= len(rest) || rest[n] != ',' {
			return nil
		}
		list, text = append(list, rest[:n]), rest[n+1:]
	}
	return list
}

// parseSlot is the slot reserved for a record, in Unix ms; 0 if text is not one.
func parseSlot(text string) int64 {
	if at, err := strconv.ParseInt(text, 10, 64); err == nil && at > 0 {
		return at
	}
	return 0
}
