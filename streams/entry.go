package streams

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// The fields of a stream entry: a producer's, and those that we add to what we
// put back. The latter count only where our own record of the entry says the
// same: see recognise.
const (
	fieldData        = "data"
	fieldTraceParent = "traceparent"
	fieldTraceState  = "tracestate"

	fieldOrigin  = "ingestion:origin"
	fieldAdmitAt = "ingestion:admitAt"

	// As the version before this one called them.
	fieldOldOrigin  = "origin"
	fieldOldAdmitAt = "admitAt"
)

// delivery is an entry of these fields, names and values in turn.
func delivery(id string, fields []string, deliveries int64) Delivery {
	d := Delivery{ID: id, Deliveries: deliveries, ArrivedAt: arrival(id)}
	bodies := 0
	for i := 0; i+1 < len(fields); i += 2 {
		bodies += d.take(fields[i], []byte(fields[i+1]))
	}
	if bodies != 1 {
		d.Body, d.Fields = nil, fields[:len(fields)/2*2]
	}
	return d
}

// typedEntries are the deliveries in a reply of XREADGROUP as the library reads
// it: in RESP3 a map, else pairs.
func typedEntries(reply any) (batch []Delivery) {
	var lists []any
	switch streams := reply.(type) {
	case map[any]any:
		for _, list := range streams {
			lists = append(lists, list)
		}
	case []any:
		for _, stream := range streams {
			if pair, _ := stream.([]any); len(pair) == 2 {
				lists = append(lists, pair[1])
			}
		}
	}
	for _, list := range lists {
		entries, _ := list.([]any)
		for _, entry := range entries {
			if pair, _ := entry.([]any); len(pair) == 2 {
				batch = append(batch, delivery(text(pair[0]), texts(pair[1]), 1))
			}
		}
	}
	return batch
}

// take is for one field of the entry, and returns how many bodies it is.
func (d *Delivery) take(name string, value []byte) (bodies int) {
	switch name {
	case fieldData:
		d.Body = value
		return 1
	case fieldTraceParent:
		d.TraceParent = view(value)
	case fieldTraceState:
		d.TraceState = view(value)
	case fieldOrigin, fieldAdmitAt:
		d.claims = true
	case fieldOldOrigin:
		d.Origin, d.claims = view(value), true
	case fieldOldAdmitAt:
		d.AdmitAt, d.claims = admission(view(value)), true
	}
	return 0
}

// Fault says why an entry is no record before its body is looked at: it has
// none, or several; empty where it has one.
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

// fieldsJSON are fields as an object to be read by people, in their order.
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

// netstrings are strings one after the other, each as its length in bytes, a
// colon, the bytes and a comma.
func netstrings(list []string) []byte {
	var out []byte
	for _, s := range list {
		out = strconv.AppendInt(out, int64(len(s)), 10)
		out = append(append(append(out, ':'), s...), ',')
	}
	return out
}

// parseNetstrings is the reverse; nil for what is none.
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

// arrival is the ms part of an entry ID, which Redis gives by its own clock.
func arrival(id string) int64 {
	ms, _, _ := strings.Cut(id, "-")
	n, _ := strconv.ParseInt(ms, 10, 64)
	return n
}

// admission is the place that was reserved for a record, in ms; 0 for what is
// none.
func admission(text string) int64 {
	if at, err := strconv.ParseInt(text, 10, 64); err == nil && at > 0 {
		return at
	}
	return 0
}
