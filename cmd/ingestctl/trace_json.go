package main

import (
	"encoding/json"
	"io"
	"time"

	"ingestion/internal/inspect"
	"ingestion/internal/letters"
	"ingestion/internal/logging"
	"ingestion/record"
	"ingestion/store"
)

// The JSON of trace, as docs/schema/ingestctl-trace.json says. What is unknown or absent
// is null.
type (
	traceJSON struct {
		Version        int          `json:"version"`
		At             string       `json:"at"`
		ID             *string      `json:"id"`
		CustomerID     *string      `json:"customerId"`
		Email          *string      `json:"email"`
		CreatedAt      *string      `json:"createdAt"`
		Masked         bool         `json:"masked"`
		Found          bool         `json:"found"`
		Matches        int64        `json:"matches"`
		Collection     string       `json:"collection"`
		DocumentsError *string      `json:"documentsError"`
		Records        []wayJSON    `json:"records"`
		Looked         []lookedJSON `json:"looked"`
		Unread         []unreadJSON `json:"unread"`
	}
	unreadJSON struct {
		Key   string `json:"key"`
		Error string `json:"error"`
	}
	wayJSON struct {
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
		Record         *recordJSON       `json:"record"`
		Refusal        *string           `json:"refusal"`
		Steps          []stepJSON        `json:"steps"`
		Slot           *slotJSON         `json:"slot"`
		SlotError      *string           `json:"slotError"`
		Document       *documentJSON     `json:"document"`
		DocumentsError *string           `json:"documentsError"`
	}
	recordJSON struct {
		ID        string `json:"_id"`
		Name      string `json:"name"`
		Email     string `json:"email"`
		CreatedAt string `json:"createdAt"`
	}
	stepJSON struct {
		At        *string           `json:"at"`
		State     *string           `json:"state"`
		Place     string            `json:"place"`
		Text      string            `json:"text"`
		Evidence  string            `json:"evidence"`
		Certainty inspect.Certainty `json:"certainty"`
	}
	slotJSON struct {
		Limit       string  `json:"limit"`
		Own         bool    `json:"own"`
		At          *string `json:"at"`
		Number      *int    `json:"number"`
		NumberExact bool    `json:"numberExact"`
		Waiting     bool    `json:"waiting"`
		Places      int     `json:"places"`
	}
	documentJSON struct {
		ID         string  `json:"_id"`
		CustomerID string  `json:"customerId"`
		Name       string  `json:"name"`
		Email      string  `json:"email"`
		CreatedAt  *string `json:"createdAt"`
		IngestedAt *string `json:"ingestedAt"`
		StreamID   *string `json:"streamId"`
	}
	lookedJSON struct {
		Place       string  `json:"place"`
		Seen        int64   `json:"seen"`
		Total       int64   `json:"total"`
		All         bool    `json:"all"`
		Interrupted bool    `json:"interrupted"`
		Back        *string `json:"back"`
	}
)

func (s *session) printTraceJSON(tr *inspect.Trace, masked bool) error {
	m := masker(masked)
	out := traceJSON{
		Version: 1, At: moment3339(tr.At), ID: textOrNull(tr.ID), CustomerID: textOrNull(tr.CustomerID), Email: textOrNull(m.email(tr.Email)),
		Masked: masked, Found: tr.Found(), Matches: max(tr.Matches, int64(len(tr.Ways))), Collection: tr.Collection,
		DocumentsError: errorOrNull(tr.DocumentsErr), Records: []wayJSON{}, Looked: lookedOf(tr.Looked), Unread: []unreadJSON{},
	}
	for _, u := range tr.Unread {
		out.Unread = append(out.Unread, unreadJSON{Key: u.Key, Error: u.Err.Error()})
	}
	if !tr.CreatedAt.IsZero() {
		out.CreatedAt = textOrNull(record.FormatTime(tr.CreatedAt))
	}
	for _, w := range tr.Ways {
		out.Records = append(out.Records, m.way(w, len(s.keys()) > 0 && w.Position == 0))
	}
	return printJSON(s.out, out)
}

func lookedOf(all []inspect.Looked) []lookedJSON {
	list := []lookedJSON{}
	for _, l := range all {
		list = append(list, lookedJSON{Place: l.Place, Seen: l.Seen, Total: max(l.Total, l.Seen), All: l.All(), Interrupted: l.Interrupted, Back: timeOrNull(l.Back)})
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

func (m masker) way(w *inspect.Way, partitioned bool) wayJSON {
	out := wayJSON{
		State: w.State, Certainty: w.Certainty, Conflict: w.Conflict, Key: w.Key, Entry: textOrNull(w.EntryID), Origin: textOrNull(w.Origin),
		PutBackAs: textOrNull(w.Back), DeadLetter: textOrNull(w.DeadID), Source: textOrNull(w.Source), CustomerID: textOrNull(w.CustomerID),
		Steps: []stepJSON{}, SlotError: errorOrNull(w.SlotErr), Document: m.document(w.Document), DocumentsError: errorOrNull(w.DocumentsErr),
	}
	if partitioned {
		out.Partition = &w.Partition
	}
	if w.Position > 0 {
		out.Position = &w.Position
	}
	if w.Outcome != 0 {
		out.Outcome = textOrNull(w.Outcome.String())
	}
	if r := w.Record; r != nil {
		out.Record = &recordJSON{ID: r.ID, Name: m.name(r.Name), Email: m.email(r.Email), CreatedAt: record.FormatTime(r.CreatedAt)}
	}
	if w.Refusal != nil {
		out.Refusal = &w.Refusal.Reason
	}
	for _, s := range w.Steps {
		out.Steps = append(out.Steps, stepJSON{At: timeOrNull(s.At), State: textOrNull(string(s.State)), Place: s.Place, Text: s.Text, Evidence: s.Evidence, Certainty: s.Certainty})
	}
	out.Slot = slotOf(w.Slot)
	return out
}

func slotOf(s *inspect.Slot) *slotJSON {
	if s == nil {
		return nil
	}
	out := &slotJSON{Limit: s.Limit.String(), Own: s.Own, At: timeOrNull(s.At), NumberExact: s.Exact, Waiting: s.Waiting, Places: s.Places}
	if !s.At.IsZero() {
		out.Number = &s.Number
	}
	return out
}

func (m masker) document(d *store.Stored) *documentJSON {
	if d == nil {
		return nil
	}
	return &documentJSON{
		ID: d.ID, CustomerID: d.CustomerID, Name: m.name(d.Name), Email: m.email(d.Email),
		CreatedAt: timeOrNull(d.CreatedAt), IngestedAt: timeOrNull(d.IngestedAt), StreamID: textOrNull(d.StreamID),
	}
}

// printJSON prints one indented JSON value. No text in it can control a terminal.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(logging.EscapeControls(w))
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func moment3339(at time.Time) string { return at.UTC().Format(logging.TimeLayout) }

func textOrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func timeOrNull(at time.Time) *string {
	if at.IsZero() {
		return nil
	}
	return textOrNull(moment3339(at))
}

func errorOrNull(err error) *string {
	if err == nil {
		return nil
	}
	return textOrNull(err.Error())
}
