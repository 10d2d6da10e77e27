package main

import (
	"fmt"
	"strings"

	"ingestion/internal/answer"
	"ingestion/internal/inspect"
	"ingestion/internal/letters"
	"ingestion/record"
)

func (s *session) printTrace(tr *inspect.Trace, f *traceFlags) error {
	if f.json {
		return printJSON(s.out, answer.TraceOf(tr, !f.reveal))
	}
	p := &tracePage{reveal: f.reveal, several: len(s.keys()) > 1}
	switch {
	case f.id == "" && len(tr.Ways) != 1:
		p.customer(tr)
	default:
		for i, w := range tr.Ways {
			if i > 0 {
				p.line("")
			}
			p.way(tr, w)
		}
	}
	p.coverage(tr)
	if !f.reveal && tr.Found() {
		p.line("names and email addresses are masked (--reveal shows them)")
	}
	_, err := s.out.Write(p.Bytes())
	return err
}

type tracePage struct {
	page
	reveal  bool
	several bool // partitions
}

// name is the ID of an entry as the command line takes it.
func (p *tracePage) name(w *inspect.Way) string {
	switch {
	case w.EntryID == "" && w.Position > 0:
		return fmt.Sprintf("#%d", w.Position)
	case w.EntryID == "" && w.DeadID != "":
		return w.DeadID
	case p.several && w.EntryID != "":
		return fmt.Sprintf("%d:%s", w.Partition, w.EntryID)
	default:
		return w.EntryID
	}
}

func (p *tracePage) way(tr *inspect.Trace, w *inspect.Way) {
	what := "Record of " + w.Key
	if w.State == inspect.StateAbsent {
		what = "Entry " + w.EntryID
	} else if w.EntryID != "" {
		what = "Entry " + w.EntryID + " of " + w.Key
	}
	p.wrapped("", what+": "+w.Standing())
	p.line("")
	before := p.Len()
	if p.fields(w); p.Len() > before {
		p.line("")
	}
	for _, step := range w.Steps {
		p.step(step)
	}
	p.line("")
	p.slot(w)
	p.document(tr, w)
}

func (p *tracePage) fields(w *inspect.Way) {
	field := func(name, value string) {
		if value != "" {
			p.wrapped(fmt.Sprintf("  %-11s ", name), value)
		}
	}
	field("customerId", w.CustomerID)
	if r := w.Record; r != nil {
		field("name", p.masked(r.Name, letters.MaskedText))
		field("email", p.masked(r.Email, letters.MaskedEmail))
		field("createdAt", record.FormatTime(r.CreatedAt))
		field("_id", r.ID)
	}
	if w.Refusal != nil {
		field("not valid", w.Refusal.Reason)
	}
	if w.DeadID != "" {
		field("dead letter", w.DeadID)
	}
	field("origin", w.Origin)
	field("put back as", w.Back)
	field("source", w.Source)
	if w.Record == nil && w.Refusal == nil && w.Found() {
		field("record", "its body is not kept any more")
	}
}

func (p *tracePage) masked(text string, mask func(string) string) string {
	if p.reveal {
		return text
	}
	return mask(text)
}

// step prints one step, and below it what proves it.
func (p *tracePage) step(s inspect.Step) {
	prefix := fmt.Sprintf("  %-23s  ", s.When())
	p.wrapped(prefix, s.Words())
	p.wrapped(strings.Repeat(" ", len(prefix)), "- "+string(s.Certainty)+": "+s.Evidence)
}

// slot prints the record's place in its customer's window.
func (p *tracePage) slot(w *inspect.Way) {
	if words := w.SlotWords(); words != "" {
		p.wrapped("  window      ", words)
	}
}

func (p *tracePage) document(tr *inspect.Trace, w *inspect.Way) {
	prefix := "  document    "
	switch d := w.Document; {
	case w.DocumentsErr != nil:
		p.wrapped(prefix, "unknown: "+w.DocumentsErr.Error())
	case d == nil && w.Refusal == nil && w.Found():
		p.wrapped(prefix, "none in "+tr.Collection)
	case d != nil && w.State != inspect.StateIngested:
		text := fmt.Sprintf("in %s since %s", tr.Collection, moment(d.IngestedAt))
		if d.StreamID != "" {
			text += ", of entry " + d.StreamID
		}
		if w.Record != nil && w.Record.Name != d.Name {
			text += ", with the name " + p.masked(d.Name, letters.MaskedText)
		}
		p.wrapped(prefix, text)
	}
}

// customer prints a table of a customer's records.
func (p *tracePage) customer(tr *inspect.Trace) {
	what := tr.ID
	if tr.CustomerID != "" {
		what = "Customer " + tr.CustomerID
	}
	if tr.Email != "" {
		what += ", " + p.masked(tr.Email, letters.MaskedEmail)
	}
	p.wrapped("", what+", at "+second(tr.At)+" UTC")
	p.line("")
	entry := len("ENTRY")
	for _, w := range tr.Ways {
		entry = min(max(entry, len(p.name(w))), 24)
	}
	address := textWidth - len("  2006-01-02 15:04:05  ") - entry - len("  validation_failed   ")
	if len(tr.Ways) > 0 {
		p.line("  %s  %s  %s  %s", cell("ARRIVED", 19), cell("ENTRY", entry), cell("STATE", 18), "EMAIL")
	}
	for _, w := range tr.Ways {
		email := ""
		if w.Record != nil {
			email = p.masked(w.Record.Email, letters.MaskedEmail)
		}
		p.line("  %s  %s  %s  %s", cell(p.arrived(w), 19), cell(p.name(w), entry), cell(stateWords(w), 18), cell(email, address))
	}
	if len(tr.Ways) > 0 {
		p.line("")
	}
	p.window(tr)
	if n := int64(len(tr.Ways)); tr.Matches > n {
		p.line("the newest %s of %s are shown; --limit shows more", thousands(n), counted(tr.Matches, "record", "records"))
	}
	if len(tr.Ways) > 0 {
		p.line("ingestctl trace ENTRY shows how one of them got there")
	}
}

func (p *tracePage) arrived(w *inspect.Way) string {
	if len(w.Steps) == 0 || w.Steps[0].At.IsZero() {
		return ""
	}
	return second(w.Steps[0].At)
}

func stateWords(w *inspect.Way) string {
	text := string(w.State)
	if (w.State == inspect.StateDead || w.State == inspect.StateDropped) && w.Outcome != 0 {
		text = w.Outcome.String()
	}
	if w.Conflict {
		text += " !"
	}
	if w.Certainty == inspect.Likely || w.Certainty == inspect.Unproven && w.Found() {
		text += " ?"
	}
	return text
}

func (p *tracePage) window(tr *inspect.Trace) {
	switch w := tr.Window; {
	case tr.WindowErr != nil:
		p.wrapped("window: ", "unknown: "+tr.WindowErr.Error())
	case w == nil:
	default:
		p.wrapped("limit: ", inspect.LimitWords(w.Limit, w.Own != "" && w.OwnFault == nil)+"; ingestctl limits show has the window")
	}
}

// coverage says how far scans have looked, and what they could not see.
func (p *tracePage) coverage(tr *inspect.Trace) {
	told := len(tr.Ways) == 1 && tr.Ways[0].DocumentsErr != nil
	if tr.DocumentsErr != nil && !told {
		p.wrapped("", "documents: "+tr.DocumentsErr.Error())
	}
	for _, u := range tr.Unread {
		p.wrapped("", fmt.Sprintf("%s could not be read: %v", u.Key, u.Err))
	}
	for _, l := range tr.Looked {
		if text := l.Words("--scan"); text != "" {
			p.wrapped("", text)
		}
	}
}
