package streams

import (
	"strconv"
	"time"

	"ingestion/record"
)

// DeadLetterOptions configures which refused records become dead letters.
type DeadLetterOptions struct {
	On              bool
	DropRateLimited bool   // rate-limited records do not become dead letters
	Max             int64  // number of dead letters kept; older ones are deleted; 0: no limit
	Worker          string // name of this worker in dead letters
}

func (o *DeadLetterOptions) validate() error {
	return require(o.Max >= 0, "the limit of dead letters is negative")
}

// keeps reports whether a settled record becomes a dead letter.
func (o *DeadLetterOptions) keeps(s *Settlement) bool {
	return (o.On || s.Keep) && s.Outcome.Refused() && !(s.Outcome == record.RateLimited && o.DropRateLimited)
}

const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// fieldFields is the field of a dead letter that keeps the fields of an entry without
// exactly one body, byte for byte: names and values in turn, as netstrings.
const fieldFields = "fields"

// fields are the fields of the dead letter as arguments of XADD. Those of an entry
// that was never read lack its data, which the script adds.
func (o *DeadLetterOptions) fields(s *Settlement, now time.Time) []any {
	fields := make([]any, 0, 24)
	if !s.unread {
		fields = append(fields, fieldData, s.Content())
	}
	if s.Fields != nil {
		fields = append(fields, fieldFields, netstrings(s.Fields))
	}
	fields = append(fields,
		"event", s.Outcome.String(),
		"reason", &s.Reason,
		"streamId", &s.ID,
		"deliveries", strconv.FormatInt(s.Deliveries, 10),
		"failedAt", now.UTC().Format(timeLayout),
		"worker", &o.Worker,
	)
	add := func(name string, value *string) {
		if *value != "" {
			fields = append(fields, name, value)
		}
	}
	add("origin", &s.Origin)
	add(fieldTraceParent, &s.TraceParent)
	add(fieldTraceState, &s.TraceState)
	add(fieldSource, &s.Source)
	return fields
}
