package inspect

import (
	"context"
	"fmt"
	"time"

	"ingestion/internal/plural"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/streams"
)

// endSettled judges an entry that was delivered, is not pending, and still on the stream.
func (t *Tracer) endSettled(ctx context.Context, tr *Trace, w *Way, e *entry) error {
	if found, err := t.followSettled(ctx, tr, w, e); err != nil || found {
		return err
	}
	delivered := fmt.Sprintf("it was delivered (up to %s), and is not pending", e.delivered)
	switch {
	case e.moved > 0:
		t.endMoved(w, e, delivered)
	case w.DocumentsErr != nil:
		w.end(Step{State: StateSettled, Place: e.key, Certainty: Certain, Evidence: delivered,
			Text: "settled; whether there is a document is unknown"})
	case e.noLetters != "":
		w.end(Step{State: StateSettled, Place: e.key, Certainty: Certain, Evidence: delivered + "; " + e.lettersUnknown(),
			Text: "settled; whether there is a dead letter is unknown"})
	case w.Refusal != nil:
		w.Outcome = w.Refusal.Outcome
		w.end(Step{State: StateDropped, Place: e.key, Certainty: Likely, Text: "refused and not kept: " + w.Refusal.Reason,
			Evidence: delivered + "; today's rules refuse the body, and there is no dead letter"})
	default:
		t.endWithoutDocument(ctx, w, e, delivered)
	}
	return nil
}

// endMoved judges an entry that left nothing, of a partition of which entries were moved to
// a list: these stay on the stream as settled ones do, and their records are elsewhere.
func (t *Tracer) endMoved(w *Way, e *entry, delivered string) {
	s := Step{State: StateSettled, Place: e.key, Certainty: Unproven, Text: "settled, or moved to a list by ingestctl migrate",
		Evidence: fmt.Sprintf("%s; the ledger counts %s as moved", delivered, plural.Counted(e.moved, "entry", "entries"))}
	switch d := w.Document; {
	case w.DocumentsErr != nil:
		s.Text += "; whether there is a document is unknown"
	case d != nil && d.StreamID == "":
		s.Text += "; there is a document with its _id, which has no streamId: of this record, or of one before it"
	case d != nil:
		s.Text += "; there is a document with its _id, of entry " + d.StreamID
	}
	w.end(s)
}

// endWithoutDocument judges a valid record that was settled and has no document. If its
// window was full when it arrived, it was probably over the limit.
func (t *Tracer) endWithoutDocument(ctx context.Context, w *Way, e *entry, delivered string) {
	if t.wasFull(ctx, w, e) {
		w.Outcome = record.RateLimited
		w.end(Step{State: StateDropped, Place: e.key, Certainty: Likely, Text: "over its customer's limit, and not kept",
			Evidence: delivered + "; it has no place in its customer's window, which was full when it arrived"})
		return
	}
	w.end(Step{State: StateSettled, Place: e.key, Certainty: Certain, Evidence: delivered,
		Text: "settled, but nothing tells its outcome: there is no document and no dead letter"})
}

// wasFull reports whether the record has no place, and its window no room for it.
func (t *Tracer) wasFull(ctx context.Context, w *Way, e *entry) bool {
	if w.Record == nil || t.ProcessingClock {
		return false
	}
	at := e.admittedAt()
	window, err := t.window(ctx, w.CustomerID, at, w.Record.ID)
	if err != nil || window.Of != 0 {
		return false
	}
	v, known := window.Verdict(at.UnixMilli())
	return known && v.Decision != limiter.Admitted
}

// followSettled looks for what an entry left when it was settled: a dead letter, a note
// that its record was put back, a document. It reports whether there is one.
func (t *Tracer) followSettled(ctx context.Context, tr *Trace, w *Way, e *entry) (bool, error) {
	t.findDocument(ctx, w)
	if d := w.Document; d != nil && t.ownDocument(w) {
		w.Outcome = record.Ingested
		certainty, evidence := Certain, "the document's streamId is this entry"
		if d.StreamID != w.EntryID {
			certainty, evidence = Likely, "the document's streamId is its first entry, "+d.StreamID
		}
		w.addMissingArrival(e)
		w.end(Step{At: d.IngestedAt, State: StateIngested, Place: t.Collection, Certainty: certainty, Text: "inserted into MongoDB", Evidence: evidence})
		return true, nil
	}
	letter, err := t.findLetter(ctx, tr, e)
	if err != nil {
		return false, err
	}
	if letter != nil {
		w.addMissingArrival(e)
		if back := letter.StreamID; back != w.EntryID && back != "" {
			w.Back = back
			w.add(Step{At: arrivalOf(back), State: StateReturned, Place: e.key, Certainty: Certain,
				Text: "was put back on the stream as entry " + back, Evidence: "the dead letter's fields"})
		}
		t.endDead(w, letter)
		return true, nil
	}
	if back, err := t.findReturned(ctx, tr, e); err != nil || back != nil {
		return back != nil, t.followReturned(ctx, tr, w, e, back, err)
	}
	return e.moved == 0 && t.endDuplicate(w), nil
}

// addMissingArrival adds the first step of an entry that is no longer on the stream.
func (w *Way) addMissingArrival(e *entry) {
	if len(w.Steps) == 0 {
		w.add(arrival(e))
	}
}

// ownDocument reports whether the document was inserted for this entry's record.
func (t *Tracer) ownDocument(w *Way) bool {
	id := w.Document.StreamID
	return id != "" && (id == w.EntryID || id == w.Origin)
}

func (t *Tracer) endDuplicate(w *Way) bool {
	d := w.Document
	if d == nil {
		return false
	}
	w.Outcome = record.Duplicate
	s := Step{State: StateDuplicate, Place: t.Collection, Certainty: Likely, Text: "a document with its _id was there already",
		Evidence: "the document's streamId is another entry, " + d.StreamID}
	if d.StreamID == "" {
		s.Evidence = "the document has no streamId"
	}
	if w.Record != nil && w.Record.Name != d.Name {
		w.Conflict = true
		s.Text += ", with another name (a conflict)"
	}
	w.end(s)
	return true
}

// endDead tells why the record was refused.
func (t *Tracer) endDead(w *Way, l *streams.DeadLetter) {
	w.DeadID = l.ID
	w.Outcome = outcomeOf(l.Event)
	if w.Source == "" {
		w.Source = l.Source
	}
	w.end(Step{At: letterTime(l), State: StateDead, Place: streams.KeysOf(w.Key).Dead, Certainty: Certain,
		Text: l.Event + ": " + l.Reason, Evidence: "the dead letter " + l.ID + ", written by " + orNone(l.Worker)})
}

func outcomeOf(event string) record.Outcome {
	for _, o := range record.Outcomes() {
		if o.String() == event {
			return o
		}
	}
	return 0
}

func letterTime(l *streams.DeadLetter) time.Time {
	if at, err := time.Parse(time.RFC3339, l.FailedAt); err == nil {
		return at.UTC()
	}
	return arrivalOf(l.ID)
}
