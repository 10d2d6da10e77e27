package producer

// Message is a record on its way to the queue.
type Message struct {
	Body []byte
	// Source says where the record came from, for example "customers.csv:12". If it is
	// not empty, a stream entry gets it as the field "source". A list has no fields.
	Source string
	// TraceParent and TraceState are the record's W3C trace context. If they are not
	// empty, a stream entry gets them as the fields "traceparent" and "tracestate".
	TraceParent, TraceState string
}

// messagesOf returns the bodies as messages without a source.
func messagesOf(bodies [][]byte) []Message {
	messages := make([]Message, len(bodies))
	for i, body := range bodies {
		messages[i].Body = body
	}
	return messages
}

// size returns the number of bytes that the message adds to a pipeline.
func (m *Message) size() int {
	return len(m.Body) + len(m.Source) + len(m.TraceParent) + len(m.TraceState)
}

// The names of the fields of a stream entry.
const (
	fieldData        = "data"
	fieldSource      = "source"
	fieldTraceParent = "traceparent"
	fieldTraceState  = "tracestate"
)

// extra returns the fields of a stream entry beside its body. Those with an empty
// value are left out.
func (m *Message) extra() [3]field {
	return [...]field{{fieldSource, m.Source}, {fieldTraceParent, m.TraceParent}, {fieldTraceState, m.TraceState}}
}

type field struct{ name, value string }
