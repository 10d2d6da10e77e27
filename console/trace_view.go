package console

import (
	"fmt"
	"strconv"

	"ingestion/internal/answer"
	"ingestion/internal/inspect"
	"ingestion/internal/letters"
	"ingestion/store"
)

// traceView is the screen of a trace. Without Found and Refusal, nothing was looked for.
type traceView struct {
	Form     traceForm
	Refusal  string // what is wrong with the form
	Error    string // why nothing is known
	Trace    *inspect.Trace
	Ways     []wayView
	Looked   []string
	Further  int64 // how many entries a further search would look at; 0 if this one saw all
	Revealed bool
	Changes  bool   // it may be
	Email    string // that was looked for, masked
}

// wayView is a record and its way. Its text has personal data only if it is revealed.
type wayView struct {
	*inspect.Way
	Link     string // address of the way alone; "" if it has none
	DeadLink string // of its dead letter, if it has one
	Title    string
	Badge    badge
	Name     string
	Email    string
	Steps    []stepView
	Document *documentView
}

type stepView struct {
	inspect.Step
	Badge badge
}

// documentView is a document in MongoDB.
type documentView struct {
	store.Stored
	Name, Email string
}

func (v *traceView) take(t *inspect.Trace, scanned int64, several bool) {
	v.Trace = t
	v.Revealed = v.Revealed && (v.Form.ID != "" || len(t.Ways) == 1) // one record is, not all of a customer
	mask := masking(!v.Revealed)
	v.Email = mask.email(t.Email)
	for _, w := range t.Ways {
		way := mask.way(w)
		if way.DeadLink = "dead/" + w.DeadID; several {
			way.DeadLink = fmt.Sprintf("dead/%d:%s", w.Partition, w.DeadID)
		}
		v.Ways = append(v.Ways, way)
	}
	for _, l := range t.Looked {
		if words := l.Words(""); words != "" {
			v.Looked = append(v.Looked, words)
		}
		if !l.All() && !l.Interrupted && scanned < mostScan {
			v.Further = min(mostScan, 10*scanned)
		}
	}
}

// One reports whether the ways are shown in full.
func (v *traceView) One() bool { return v.Form.ID != "" || len(v.Ways) == 1 }

// Hidden is how many records were found and are not shown.
func (v *traceView) Hidden() int64 { return max(0, v.Trace.Matches-int64(len(v.Ways))) }

// masking masks personal data if it is true.
type masking bool

func (m masking) name(text string) string {
	if m {
		return letters.MaskedText(text)
	}
	return text
}

func (m masking) email(text string) string {
	if m {
		return letters.MaskedEmail(text)
	}
	return text
}

func (m masking) way(w *inspect.Way) wayView {
	v := wayView{Way: w, Title: wayTitle(w), Badge: stateBadge(w)}
	if w.Record != nil {
		v.Name, v.Email = m.name(w.Record.Name), m.email(w.Record.Email)
	}
	if d := w.Document; d != nil {
		v.Document = &documentView{Stored: *d, Name: m.name(d.Name), Email: m.email(d.Email)}
	}
	if w.EntryID != "" && inspect.IsEntryID(w.EntryID) {
		v.Link = traceForm{ID: strconv.Itoa(w.Partition) + ":" + w.EntryID}.address()
	} else if w.Document != nil {
		v.Link = traceForm{ID: w.Document.ID}.address()
	}
	for _, s := range w.Steps {
		v.Steps = append(v.Steps, stepView{Step: s, Badge: certaintyBadge(s.Certainty)})
	}
	return v
}

func wayTitle(w *inspect.Way) string {
	switch {
	case w.State == inspect.StateAbsent:
		return "Entry " + w.EntryID
	case w.EntryID != "":
		return "Entry " + w.EntryID + " of " + w.Key
	default:
		return "Record of " + w.Key
	}
}

// stateBadge marks what is in order, what waits and what went wrong.
func stateBadge(w *inspect.Way) badge {
	text := w.Standing()
	switch w.State {
	case inspect.StateIngested, inspect.StateDuplicate:
		return badge{"ok", "✓ " + text}
	case inspect.StateDead, inspect.StateDropped, inspect.StateMissing, inspect.StateDeleted:
		return badge{"error", "✕ " + text}
	case inspect.StateAbsent, inspect.StateTrimmed, inspect.StateSettled:
		return badge{"", "○ " + text}
	default:
		return badge{"note", "◷ " + text}
	}
}

func certaintyBadge(c inspect.Certainty) badge {
	switch c {
	case inspect.Certain:
		return badge{"ok", "✓ certain"}
	case inspect.Likely:
		return badge{"warn", "≈ likely"}
	default:
		return badge{"", "? unproven"}
	}
}

// Fault says why it is unknown whether there is a document; nil if it is known.
func (w wayView) Fault() *string { return answer.Error(w.DocumentsErr) }
