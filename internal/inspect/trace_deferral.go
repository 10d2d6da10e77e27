package inspect

import (
	"context"
	"slices"
	"time"

	"ingestion/streams"
)

// addDeferral tells that a settled record had been deferred, of which only its place is
// left: it lies after its arrival.
func (t *Tracer) addDeferral(ctx context.Context, w *Way, e *entry) {
	finished := slices.Contains([]State{StateIngested, StateDuplicate, StateDead, StateSettled, StateDropped}, w.State)
	if !finished || w.Origin != "" || w.Back != "" || w.Slot == nil || w.Slot.At.IsZero() || !w.Slot.At.After(arrivalOf(e.id)) || t.ProcessingClock {
		return
	}
	s := Step{At: w.Slot.At, State: StateDelayed, Place: streams.KeysOf(e.key).Delayed, Certainty: Unproven,
		Text:     "its place was reserved for " + stamp(w.Slot.At) + ": it was deferred until then, or that was past already",
		Evidence: "its place in its customer's window is later than its arrival"}
	back, err := t.findBack(ctx, e, w.Slot.At)
	if err == nil && back != "" {
		s.Certainty, s.Text = Certain, "over its customer's limit: it waited for its place at "+stamp(w.Slot.At)
		w.Back = back
		w.add(Step{At: arrivalOf(back), State: StateReturned, Place: e.key, Text: "came back when its place was due, as entry " + back,
			Evidence: "that entry's fields", Certainty: Likely})
	}
	w.add(s)
}

// backEntries is how many entries are looked at for one that was put back when it was due.
const backEntries = 500

// findBack returns the entry as which a record was put back at a time, or "".
func (t *Tracer) findBack(ctx context.Context, e *entry, due time.Time) (string, error) {
	from := due.UnixMilli()
	page, err := t.Redis.XRangeN(ctx, e.key, idAt(from), "+", backEntries).Result()
	if err != nil {
		return "", err
	}
	for _, m := range page {
		if origin, _ := m.Values["ingestion:origin"].(string); origin == e.id {
			return m.ID, nil
		}
	}
	return "", nil
}

// sortSteps orders the steps by time. Those without one, which tell what is now, are last,
// except for the arrival.
func (w *Way) sortSteps() {
	first := func(s Step) bool { return s.State == "" && s.At.IsZero() }
	slices.SortStableFunc(w.Steps, func(a, b Step) int {
		switch {
		case first(a) && first(b):
			return 0
		case first(a):
			return -1
		case first(b):
			return 1
		case a.At.IsZero() && b.At.IsZero():
			return 0
		case a.At.IsZero():
			return 1
		case b.At.IsZero():
			return -1
		default:
			return a.At.Compare(b.At)
		}
	})
}
