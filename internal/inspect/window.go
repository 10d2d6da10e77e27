package inspect

import (
	"cmp"
	"context"
	"errors"
	"time"

	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
)

// Slot is a record's place in its customer's sliding window.
type Slot struct {
	Limit limiter.Limit
	Own   bool      // the limit is the customer's own
	At    time.Time // UTC; zero: the record has no place
	// Number says the how-manieth it is of the places in the window that ends with it.
	Number  int
	Exact   bool // Number is exact, and not too low
	Waiting bool // the place lies ahead
	Places  int  // all places that the customer has
}

// MostPlaces is how many places of a customer are read at once.
const MostPlaces = 10_000

var errNoLimiter = errors.New("the limiter is not configured")

// window reads a customer's window around a time; the zero time is now.
func (t *Tracer) window(ctx context.Context, customerID string, at time.Time, member string) (*limiter.Window, error) {
	if t.Limiter == nil {
		return nil, errNoLimiter
	}
	q := limiter.WindowQuery{CustomerID: customerID, Most: MostPlaces, Member: member}
	if !at.IsZero() {
		q.At = at.UnixMilli()
	}
	return t.Limiter.Window(ctx, q)
}

// readSlot finds the record's place near a time.
func (t *Tracer) readSlot(ctx context.Context, w *Way, near time.Time) {
	if w.Record == nil {
		return
	}
	window, err := t.window(ctx, w.CustomerID, near, w.Record.ID)
	if err != nil {
		w.SlotErr = err
		return
	}
	w.Slot = slotOf(window, w.Record.ID, near.UnixMilli())
}

// slotOf takes the place nearest to a time: a record that came again may have several.
func slotOf(w *limiter.Window, member string, near int64) *Slot {
	s := &Slot{Limit: w.Limit, Own: w.Own != "" && w.OwnFault == nil, Places: w.Places}
	best := w.Of
	for _, p := range w.Around {
		if p.Member == member && (best == 0 || distance(p.At, near) < distance(best, near)) {
			best = p.At
		}
	}
	if best == 0 {
		return s
	}
	s.At, s.Waiting = time.UnixMilli(best).UTC(), best > w.Now
	s.Number, s.Exact = w.Count(best-w.Limit.Window.Milliseconds()+1, best+1)
	return s
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

// homeOf is the index of the customer's own partition.
func homeOf(s Source, customerID string) int {
	return record.HomePartition(customerID, cmp.Or(s.Homes, len(s.Keys)))
}

func recordOf(d *store.Stored) *record.Record {
	return &record.Record{ID: d.ID, CustomerID: d.CustomerID, Name: d.Name, Email: d.Email, CreatedAt: d.CreatedAt}
}
