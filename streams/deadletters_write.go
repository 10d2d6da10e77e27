package streams

import (
	"strconv"
	"time"

	"ingestion/record"
)

// DeadLetterOptions says which refused records are kept.
type DeadLetterOptions struct {
	On              bool
	DropRateLimited bool  // RATE_LIMIT_POLICY=drop
	Max             int64 // dead letters kept; 0 keeps all
	Worker          string
}

// keeps says whether a settled record becomes a dead letter.
func (o *DeadLetterOptions) keeps(s *Settlement) bool {
	return (o.On || s.Keep) && s.Outcome.Refused() && !(s.Outcome == record.RateLimited && o.DropRateLimited)
}

const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// fieldFields is the dead letter's field that keeps an entry which is not one
// body byte for byte: its fields, names and values in turn, as netstrings.
const fieldFields = "fields"

// fields are the dead letter's, as XADD takes them. Those of an entry that was
// never read lack its data: who writes them has to add it.
func (o *DeadLetterOptions) fields(s *Settlement, now time.Time) []any {
	fields := make([]any, 0, 22)
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
	return fields
}
