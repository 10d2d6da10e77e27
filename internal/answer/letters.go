package answer

import (
	"slices"
	"unicode/utf8"

	"ingestion/internal/letters"
)

// Letter is a dead letter in full. Strings that are not valid UTF-8 can't be represented
// in JSON byte for byte, so base64 is added.
type Letter struct {
	Version      int      `json:"version"`
	ID           string   `json:"id"`
	Event        string   `json:"event"`
	Reason       string   `json:"reason"`
	CustomerID   string   `json:"customerId,omitempty"`
	StreamID     string   `json:"streamId,omitempty"`
	Origin       string   `json:"origin,omitempty"`
	Source       string   `json:"source,omitempty"`
	TraceParent  string   `json:"traceparent,omitempty"`
	TraceState   string   `json:"tracestate,omitempty"`
	Deliveries   int64    `json:"deliveries"`
	FailedAt     string   `json:"failedAt"`
	Worker       string   `json:"worker"`
	Data         string   `json:"data"`
	DataBase64   []byte   `json:"dataBase64,omitempty"`
	Fields       []string `json:"fields,omitempty"`
	FieldsBase64 [][]byte `json:"fieldsBase64,omitempty"`
}

// LetterOf is a dead letter in full.
func LetterOf(l *letters.Letter) Letter {
	line := Letter{
		Version: 1, ID: l.Name, Event: l.Event, Reason: l.Reason, CustomerID: letters.CustomerOf(&l.DeadLetter),
		StreamID: l.StreamID, Origin: l.Origin, Source: l.Source, TraceParent: l.TraceParent, TraceState: l.TraceState,
		Deliveries: l.Deliveries, FailedAt: l.FailedAt, Worker: l.Worker, Data: l.Data, Fields: l.Fields,
	}
	if l.Fields == nil && !utf8.ValidString(l.Data) {
		line.DataBase64 = []byte(l.Data)
	}
	if slices.ContainsFunc(l.Fields, func(s string) bool { return !utf8.ValidString(s) }) {
		for _, s := range l.Fields {
			line.FieldsBase64 = append(line.FieldsBase64, []byte(s))
		}
	}
	return line
}

// LetterDetails is a dead letter with what is known of it besides. Data and the values in
// Fields are null where they are masked and can't be shown.
type LetterDetails struct {
	Version      int       `json:"version"`
	ID           string    `json:"id"`
	Event        string    `json:"event"`
	Reason       string    `json:"reason"`
	Valid        bool      `json:"valid"`
	Breaks       *string   `json:"breaks"`
	CustomerID   *string   `json:"customerId"`
	StreamID     *string   `json:"streamId"`
	Origin       *string   `json:"origin"`
	Source       *string   `json:"source"`
	TraceParent  *string   `json:"traceparent"`
	TraceState   *string   `json:"tracestate"`
	Deliveries   int64     `json:"deliveries"`
	WrittenAt    string    `json:"writtenAt"`
	FailedAt     string    `json:"failedAt"`
	Worker       string    `json:"worker"`
	Bytes        int       `json:"bytes"`
	Masked       bool      `json:"masked"`
	Data         *string   `json:"data"`
	DataBase64   []byte    `json:"dataBase64,omitempty"`
	Fields       []*string `json:"fields"`
	FieldsBase64 [][]byte  `json:"fieldsBase64,omitempty"`
}

// LetterDetailsOf is a dead letter, masked unless reveal is set. breaks is the error of the
// rules that it breaks today, nil if it breaks none.
func LetterDetailsOf(l *letters.Letter, breaks error, reveal bool) LetterDetails {
	line := LetterOf(l)
	d := LetterDetails{
		Version: 1, ID: l.Name, Event: l.Event, Reason: l.Reason, Valid: breaks == nil, Breaks: Error(breaks),
		CustomerID: Text(line.CustomerID), StreamID: Text(l.StreamID), Origin: Text(l.Origin), Source: Text(l.Source),
		TraceParent: Text(l.TraceParent), TraceState: Text(l.TraceState), Deliveries: l.Deliveries,
		WrittenAt: Moment(l.Written()), FailedAt: l.FailedAt, Worker: l.Worker, Bytes: len(l.Data), Masked: !reveal,
	}
	if reveal {
		d.DataBase64, d.FieldsBase64 = line.DataBase64, line.FieldsBase64
	}
	if l.Fields == nil {
		d.Data = Body(l.Data, reveal)
	}
	for i, field := range l.Fields {
		if i%2 == 0 && !reveal {
			field = letters.MaskedField(field)
		}
		d.Fields = append(d.Fields, Body(field, reveal || i%2 == 0))
	}
	return d
}

// Body is a body: in full, masked, or nil if it can't be masked.
func Body(body string, reveal bool) *string {
	if reveal {
		return &body
	}
	members, ok := letters.Masked([]byte(body))
	if !ok {
		return nil
	}
	object, err := letters.Object(members)
	if text := string(object); err == nil && utf8.ValidString(text) {
		return &text
	}
	return nil
}

// LettersChange is what a change of dead letters has done, or would do.
type LettersChange struct {
	Version int              `json:"version"`
	Action  letters.Action   `json:"action"`
	DryRun  bool             `json:"dryRun"`
	Matched int64            `json:"matched"`
	Changed int64            `json:"changed"`
	Unfit   int64            `json:"unfit"`
	Events  map[string]int64 `json:"events"`
	Bytes   int64            `json:"bytes"`
	Oldest  *string          `json:"oldest"`
	Newest  *string          `json:"newest"`
	// Through is the token that binds a later change to what this one has counted; nil if
	// nothing matched, or if the letters were named.
	Through *string `json:"through"`
	// Complete is false after an interruption or an error, and in a dry run.
	Complete bool `json:"complete"`
}

// LettersChangeOf is the result of a change.
func LettersChangeOf(action letters.Action, p *letters.Preview, done letters.Done, through string) LettersChange {
	return LettersChange{
		Version: 1, Action: action, Matched: p.Matched, Changed: done.Changed, Unfit: done.Left,
		Events: p.Events, Bytes: p.Bytes, Oldest: Time(p.Oldest), Newest: Time(p.Newest), Through: Text(through),
	}
}

// LetterEdit is what became of an edited dead letter.
type LetterEdit struct {
	Version int      `json:"version"`
	ID      string   `json:"id"`
	DryRun  bool     `json:"dryRun"`
	Changed []string `json:"changed"`
	Valid   bool     `json:"valid"`
	Breaks  *string  `json:"breaks"`
	Sent    bool     `json:"sent"`
}

// LetterEditOf says which fields a new body changes, whose names are masked unless reveal is
// set, and which rules it breaks, if any.
func LetterEditOf(name string, changed []string, breaks error, reveal bool) LetterEdit {
	shown := slices.Clone(changed)
	if shown == nil {
		shown = []string{}
	}
	for i, field := range shown {
		if !reveal {
			shown[i] = letters.MaskedField(field)
		}
	}
	return LetterEdit{Version: 1, ID: name, Changed: shown, Valid: breaks == nil, Breaks: Error(breaks)}
}
