package answer

import (
	"ingestion/internal/inspect"
	"ingestion/internal/letters"
	"ingestion/record"
	"ingestion/store"
)

type (
	// Trace is what is known of an ID or of a customer: see docs/schema/ingestctl-trace.json.
	Trace struct {
		Version        int      `json:"version"`
		At             string   `json:"at"`
		ID             *string  `json:"id"`
		CustomerID     *string  `json:"customerId"`
		Email          *string  `json:"email"`
		CreatedAt      *string  `json:"createdAt"`
		Masked         bool     `json:"masked"`
		Found          bool     `json:"found"`
		Matches        int64    `json:"matches"`
		Collection     string   `json:"collection"`
		DocumentsError *string  `json:"documentsError"`
		Records        []Way    `json:"records"`
		Looked         []Looked `json:"looked"`
		Unread         []Unread `json:"unread"`
	}
	// Unread is a partition that could not be read.
	Unread struct {
		Key   string `json:"key"`
		Error string `json:"error"`
	}
	// Way is the way of one record, or of one of its entries.
	Way struct {
		State          inspect.State     `json:"state"`
		Certainty      inspect.Certainty `json:"certainty"`
		Outcome        *string           `json:"outcome"`
		Conflict       bool              `json:"conflict"`
		Key            string            `json:"key"`
		Partition      *int              `json:"partition"`
		Entry          *string           `json:"entry"`
		Origin         *string           `json:"origin"`
		PutBackAs      *string           `json:"putBackAs"`
		DeadLetter     *string           `json:"deadLetter"`
		Position       *int64            `json:"position"`
		Source         *string           `json:"source"`
		CustomerID     *string           `json:"customerId"`
		Record         *Record           `json:"record"`
		Refusal        *string           `json:"refusal"`
		Steps          []Step            `json:"steps"`
		Slot           *Slot             `json:"slot"`
		SlotError      *string           `json:"slotError"`
		Document       *Document         `json:"document"`
		DocumentsError *string           `json:"documentsError"`
	}
	// Record is a valid record.
	Record struct {
		ID        string `json:"_id"`
		Name      string `json:"name"`
		Email     string `json:"email"`
		CreatedAt string `json:"createdAt"`
	}
	// Step is one step of a record's way.
	Step struct {
		At        *string           `json:"at"`
		State     *string           `json:"state"`
		Place     string            `json:"place"`
		Text      string            `json:"text"`
		Evidence  string            `json:"evidence"`
		Certainty inspect.Certainty `json:"certainty"`
	}
	// Slot is a record's place in its customer's window.
	Slot struct {
		Limit       string  `json:"limit"`
		Own         bool    `json:"own"`
		At          *string `json:"at"`
		Number      *int    `json:"number"`
		NumberExact bool    `json:"numberExact"`
		Waiting     bool    `json:"waiting"`
		Places      int     `json:"places"`
	}
	// Document is a document in MongoDB.
	Document struct {
		ID         string  `json:"_id"`
		CustomerID string  `json:"customerId"`
		Name       string  `json:"name"`
		Email      string  `json:"email"`
		CreatedAt  *string `json:"createdAt"`
		IngestedAt *string `json:"ingestedAt"`
		StreamID   *string `json:"streamId"`
	}
	// Looked is how far a bounded scan has looked.
	Looked struct {
		Place       string  `json:"place"`
		Seen        int64   `json:"seen"`
		Total       int64   `json:"total"`
		All         bool    `json:"all"`
		Interrupted bool    `json:"interrupted"`
		Back        *string `json:"back"`
	}
)

// TraceOf is a trace, with personal data masked unless masked is false.
func TraceOf(tr *inspect.Trace, masked bool) Trace {
	m := masker(masked)
	out := Trace{
		Version: 1, At: Moment(tr.At), ID: Text(tr.ID), CustomerID: Text(tr.CustomerID), Email: Text(m.email(tr.Email)),
		Masked: masked, Found: tr.Found(), Matches: max(tr.Matches, int64(len(tr.Ways))), Collection: tr.Collection,
		DocumentsError: Error(tr.DocumentsErr), Records: []Way{}, Looked: lookedOf(tr.Looked), Unread: UnreadPartitions(tr.Unread),
	}
	if !tr.CreatedAt.IsZero() {
		out.CreatedAt = Text(record.FormatTime(tr.CreatedAt))
	}
	for _, w := range tr.Ways {
		out.Records = append(out.Records, m.way(w))
	}
	return out
}

func lookedOf(all []inspect.Looked) []Looked {
	list := []Looked{}
	for _, l := range all {
		list = append(list, Looked{Place: l.Place, Seen: l.Seen, Total: max(l.Total, l.Seen), All: l.All(), Interrupted: l.Interrupted, Back: Time(l.Back)})
	}
	return list
}

// masker masks personal data if it is true.
type masker bool

func (m masker) name(text string) string {
	if m {
		return letters.MaskedText(text)
	}
	return text
}

func (m masker) email(text string) string {
	if m {
		return letters.MaskedEmail(text)
	}
	return text
}

func (m masker) way(w *inspect.Way) Way {
	out := Way{
		State: w.State, Certainty: w.Certainty, Conflict: w.Conflict, Key: w.Key, Entry: Text(w.EntryID), Origin: Text(w.Origin),
		PutBackAs: Text(w.Back), DeadLetter: Text(w.DeadID), Source: Text(w.Source), CustomerID: Text(w.CustomerID),
		Steps: []Step{}, SlotError: Error(w.SlotErr), Document: m.document(w.Document), DocumentsError: Error(w.DocumentsErr),
	}
	if w.Position > 0 {
		out.Position = &w.Position
	} else {
		out.Partition = &w.Partition
	}
	if w.Outcome != 0 {
		out.Outcome = Text(w.Outcome.String())
	}
	if r := w.Record; r != nil {
		out.Record = &Record{ID: r.ID, Name: m.name(r.Name), Email: m.email(r.Email), CreatedAt: record.FormatTime(r.CreatedAt)}
	}
	if w.Refusal != nil {
		out.Refusal = &w.Refusal.Reason
	}
	for _, s := range w.Steps {
		out.Steps = append(out.Steps, Step{At: Time(s.At), State: Text(string(s.State)), Place: s.Place, Text: s.Text, Evidence: s.Evidence, Certainty: s.Certainty})
	}
	out.Slot = slotOf(w.Slot)
	return out
}

func slotOf(s *inspect.Slot) *Slot {
	if s == nil {
		return nil
	}
	out := &Slot{Limit: s.Limit.String(), Own: s.Own, At: Time(s.At), NumberExact: s.Exact, Waiting: s.Waiting, Places: s.Places}
	if !s.At.IsZero() {
		out.Number = &s.Number
	}
	return out
}

func (m masker) document(d *store.Stored) *Document {
	if d == nil {
		return nil
	}
	return &Document{
		ID: d.ID, CustomerID: d.CustomerID, Name: m.name(d.Name), Email: m.email(d.Email),
		CreatedAt: Time(d.CreatedAt), IngestedAt: Time(d.IngestedAt), StreamID: Text(d.StreamID),
	}
}
