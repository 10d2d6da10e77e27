package inspect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ingestion/internal/plural"
	"ingestion/record"
	"ingestion/streams"
)

// waysOf follows what has an ID in one partition: an entry, and a dead letter, which may
// have the same ID by chance.
func (t *Tracer) waysOf(ctx context.Context, tr *Trace, e *entry, partition int) ([]*Way, error) {
	var ways []*Way
	if e.letterFields != nil {
		letter, err := t.wayOfLetter(ctx, tr, e.key, partition, e.id)
		if err != nil {
			return nil, err
		}
		if ways = append(ways, letter); !e.there() && !e.pending() && e.due.IsZero() {
			return ways, nil
		}
	}
	w, err := t.wayOfEntry(ctx, tr, e, partition)
	if err != nil {
		return nil, err
	}
	if len(ways) == 1 && ways[0].EntryID == e.id { // it is this entry's dead letter
		ways = nil
	}
	return append(ways, w), nil
}

// wayOfEntry follows an entry from its arrival to where it is now.
func (t *Tracer) wayOfEntry(ctx context.Context, tr *Trace, e *entry, partition int) (*Way, error) {
	w := &Way{EntryID: e.id, Key: e.key, Partition: partition, Origin: e.origin, Source: e.source}
	t.readBody(w, e.body())
	if e.there() && e.body() == nil {
		w.Refusal = &record.Refusal{Outcome: record.Malformed, Reason: `Invalid JSON: the entry does not have exactly one field "data"`}
	}
	t.addArrival(w, e)
	err := t.endWay(ctx, tr, w, e)
	if err != nil {
		return nil, err
	}
	t.readDocument(ctx, w)
	t.readSlot(ctx, w, e.admittedAt())
	t.addDeferral(ctx, w, e)
	w.sortSteps()
	return w, nil
}

// endWay finds out where the entry is now.
func (t *Tracer) endWay(ctx context.Context, tr *Trace, w *Way, e *entry) error {
	switch {
	case e.pending():
		w.addDelayed(e)
		return t.endPending(ctx, w, e)
	case !e.due.IsZero():
		w.end(delayedStep(e))
	case e.gone:
		w.end(Step{State: StateMissing, Place: e.key, Certainty: Certain,
			Text: "another client deleted the entry while it was pending", Evidence: "the ID is in " + streams.KeysOf(e.key).Gone})
	case e.there() && !e.wasDelivered():
		return t.endUndelivered(ctx, w, e)
	case e.there():
		return t.endSettled(ctx, tr, w, e)
	default:
		return t.endNotThere(ctx, tr, w, e)
	}
	return nil
}

func (t *Tracer) readBody(w *Way, body []byte) {
	if body == nil {
		return
	}
	w.CustomerID, _ = record.PeekCustomerID(body)
	r, err := t.Decoder.Decode(body)
	if refusal, refused := errors.AsType[*record.Refusal](err); refused {
		w.Refusal = refusal
		return
	}
	w.Record, w.CustomerID = &r, r.CustomerID
}

// addArrival tells how the entry came onto the stream, and from where if it was put back.
func (t *Tracer) addArrival(w *Way, e *entry) {
	if e.origin == "" {
		if e.there() || e.pending() || !e.due.IsZero() || e.gone {
			w.add(arrival(e))
		}
		return
	}
	certainty, proof := Likely, "the entry's own fields, which a producer could have written"
	if e.proven {
		certainty, proof = Certain, "the note in "+streams.KeysOf(e.key).Returns
	}
	w.add(Step{At: arrivalOf(e.origin), Place: e.key, Text: "arrived as " + e.origin, Evidence: proof, Certainty: certainty})
	if e.slot.IsZero() {
		w.add(Step{At: arrivalOf(e.id), State: StateReplayed, Place: e.key, Certainty: certainty, Evidence: proof,
			Text: "its dead letter was replayed, as entry " + e.id})
		return
	}
	w.add(Step{At: arrivalOf(e.id), State: StateReturned, Place: e.key, Certainty: certainty, Evidence: proof,
		Text: "it had been deferred, and came back when its place was due, as entry " + e.id})
}

// arrival is the first step of an entry. Redis gives no ID that lies ahead of its clock,
// but after an entry with such an ID.
func arrival(e *entry) Step {
	s := Step{At: arrivalOf(e.id), Place: e.key, Text: "arrived as " + e.id, Certainty: Certain, Evidence: "its ID is the time by the clock of Redis"}
	if s.At.After(e.now) {
		s.At, s.Certainty = time.Time{}, Unproven
		s.Evidence = "its ID is ahead of the clock of Redis: a producer chose it or one before it, or the clock was set back"
	}
	return s
}

// addDelayed notes that the record of a pending entry also waits in the delayed set.
func (w *Way) addDelayed(e *entry) {
	if !e.due.IsZero() {
		s := delayedStep(e)
		s.Text += "; the group was set back since, so the entry is delivered again"
		w.add(s)
	}
}

func delayedStep(e *entry) Step {
	return Step{State: StateDelayed, Place: streams.KeysOf(e.key).Delayed, Certainty: Certain,
		Text:     "over its customer's limit: it waits for a place until " + stamp(e.due),
		Evidence: "its score in the delayed set"}
}

// endPending tells who has the entry. A heartbeat renews leases, so the time since the
// last delivery is not known.
func (t *Tracer) endPending(ctx context.Context, w *Way, e *entry) error {
	s := Step{State: StatePending, Place: e.key, Certainty: Certain,
		Evidence: fmt.Sprintf("the pending list of group %s", t.Group)}
	s.Text = fmt.Sprintf("held by %s after %s; its lease was renewed %s ago", e.owner, plural.Counted(e.deliveries, "delivery", "deliveries"), rough(e.idle))
	switch {
	case t.Lease > 0 && e.idle > t.Lease:
		next, err := t.nextOwner(ctx, e)
		if err != nil {
			return err
		}
		s.Text = fmt.Sprintf("held by %s after %s; its lease ran out %s ago, %s",
			e.owner, plural.Counted(e.deliveries, "delivery", "deliveries"), rough(e.idle-t.Lease), next)
	case !e.there():
		s.Text += "; another client has deleted the entry from the stream"
	}
	if e.attempts > 0 {
		s.State = StateQuarantined
		s.Text += fmt.Sprintf("; %s worked on it alone and did not end orderly, of at most %d",
			plural.Of(e.attempts, "attempt", "attempts"), streams.MaxAttempts)
		s.Evidence += " and " + streams.KeysOf(e.key).AttemptCounts
	}
	w.end(s)
	return nil
}

// nextOwner says who takes an entry whose lease has run out.
func (t *Tracer) nextOwner(ctx context.Context, e *entry) (string, error) {
	c, _, err := streams.ReadControl(ctx, t.Redis, t.Main())
	switch {
	case err != nil:
		return "", err
	case !c.Active(e.now):
		return "so the next worker that looks takes it", nil
	case c.Paused:
		return "but the queue is paused until it is resumed, and no worker takes it before", nil
	default:
		return "but the queue is paused until " + stamp(c.Until) + ", and no worker takes it before", nil
	}
}

func (t *Tracer) endUndelivered(ctx context.Context, w *Way, e *entry) error {
	ahead, err := t.readAhead(ctx, e)
	if err != nil {
		return err
	}
	s := Step{State: StateUndelivered, Place: e.key, Certainty: Certain, Evidence: "it is behind the last delivered ID, " + e.delivered}
	if !ahead.Exact {
		ahead.Entries = roughly(ahead.Entries)
	}
	entries := plural.Counted(ahead.Entries, "entry is", "entries are")
	switch {
	case !e.groupThere:
		s.Evidence = fmt.Sprintf("group %s does not exist", t.Group)
		s.Text = "no worker has read the stream yet"
	case ahead.Exact && ahead.Entries == 0:
		s.Text = "the next to be delivered"
	case ahead.Exact:
		s.Text = fmt.Sprintf("%s delivered before it", entries)
	default:
		s.Text = fmt.Sprintf("about %s delivered before it", entries)
		s.Evidence += "; estimated by times of arrival"
	}
	w.end(s)
	return nil
}

// endNotThere judges an ID of which the stream has no entry.
func (t *Tracer) endNotThere(ctx context.Context, tr *Trace, w *Way, e *entry) error {
	if compareIDs(e.id, e.generated) > 0 {
		w.end(Step{State: StateAbsent, Place: e.key, Certainty: Certain, Text: "there is no such entry",
			Evidence: "the highest ID that this stream has had is " + orNone(e.generated)})
		return nil
	}
	found, err := t.followSettled(ctx, tr, w, e)
	if err != nil || found {
		return err
	}
	switch {
	case e.watermark != "" && compareIDs(e.id, e.watermark) <= 0:
		w.end(trimmedStep(e))
	case e.groupThere && !e.wasDelivered():
		w.end(Step{State: StateDeleted, Place: e.key, Certainty: Unproven,
			Text:     "if there was such an entry, another client deleted it before it was delivered",
			Evidence: "the stream has higher IDs, and this one was not delivered"})
	default:
		w.end(Step{State: StateAbsent, Place: e.key, Certainty: Unproven,
			Text:     "there is no such entry; if there was, another client has deleted it",
			Evidence: "the stream has higher IDs, and was not trimmed up to this one"})
	}
	if e.noLetters != "" {
		w.Steps[len(w.Steps)-1].Evidence += "; " + e.lettersUnknown()
	}
	return nil
}

func (e *entry) lettersUnknown() string {
	return streams.KeysOf(e.key).Dead + " can't be read: " + e.noLetters
}

func trimmedStep(e *entry) Step {
	s := Step{State: StateTrimmed, Place: e.key, Certainty: Unproven,
		Text:     "if there was such an entry, it was settled and trimmed; nothing else is left of it",
		Evidence: "the stream was trimmed up to " + e.watermark}
	if e.moved > 0 {
		s.Text = "if there was such an entry, it was settled or moved to a list by ingestctl migrate, and trimmed"
		s.Evidence += fmt.Sprintf("; the ledger counts %s as moved", plural.Counted(e.moved, "entry", "entries"))
	}
	return s
}

// stamp is a time as the pages show it, in UTC.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05.000") }

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// rough is a duration for people, rounded to what matters.
func rough(d time.Duration) string {
	switch {
	case d < time.Second:
		return Span(d.Round(time.Millisecond))
	case d < time.Minute:
		return Span(d.Round(time.Second / 10))
	default:
		return Span(d.Round(time.Second))
	}
}

// roughly rounds a number to two digits.
func roughly(n int64) int64 {
	unit := int64(1)
	for n/unit >= 100 {
		unit *= 10
	}
	return (n + unit/2) / unit * unit
}
