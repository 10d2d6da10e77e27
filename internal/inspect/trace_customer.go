package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ingestion/internal/redisconn"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// CustomerQuery says which records are wanted: of a customer, or with an address. The fields
// are as stored.
type CustomerQuery struct {
	CustomerID string    // "" for any; then Email is required
	Email      string    // see Email; "" for any
	CreatedAt  time.Time // zero for any
}

// identity is the _id that the query determines, or "".
func (q CustomerQuery) identity() string {
	if q.CustomerID == "" || q.Email == "" || q.CreatedAt.IsZero() {
		return ""
	}
	return record.Identity(q.CustomerID, q.Email, q.CreatedAt)
}

// ByCustomer looks for records: on the stream, in the delayed set and among the dead letters,
// in the customer's own partition first, and in MongoDB. Trace.Looked says how far it
// looked. If ctx ends meanwhile, it returns what it has found so far. The
// error is a *streams.OwnerError if another group settles the entries.
func (t *Tracer) ByCustomer(ctx context.Context, q CustomerQuery) (*Trace, error) {
	if err := t.checkOwner(ctx); err != nil {
		return nil, err
	}
	tr := &Trace{CustomerID: q.CustomerID, Email: q.Email, CreatedAt: q.CreatedAt, Collection: t.Collection}
	if err := t.readClock(ctx, tr); err != nil {
		return nil, err
	}
	if q.CustomerID != "" {
		tr.Window, tr.WindowErr = t.window(ctx, q.CustomerID, time.Time{}, "")
	}
	m := matcher{customerID: q.CustomerID, email: q.Email, createdAt: q.CreatedAt, documentID: q.identity()}
	if err := t.scanFor(ctx, tr, m); err != nil {
		return tr, err
	}
	if ctx.Err() != nil {
		tr.sort()
		return tr, nil
	}
	if len(tr.Ways) < t.limit() {
		t.addDocuments(ctx, tr, q)
	}
	tr.sort()
	return tr, nil
}

// addDocuments adds the documents whose entries were not found.
func (t *Tracer) addDocuments(ctx context.Context, tr *Trace, q CustomerQuery) {
	field, value, limit := store.ByCustomer, q.CustomerID, int64(scanDocuments)
	if id := q.identity(); id != "" {
		field, value, limit = store.ByID, id, 1
	} else if q.CustomerID == "" {
		field, value = store.ByEmail, q.Email
	}
	found, err := t.find(ctx, field, value, limit)
	if err != nil {
		tr.DocumentsErr = err
		return
	}
	if field != store.ByID && int64(len(found)) == limit {
		tr.DocumentsErr = fmt.Errorf("only the first %d documents with this %s were looked at", limit, field)
	}
	for i := range found {
		d := &found[i]
		wanted := (q.Email == "" || d.Email == q.Email) && (q.CreatedAt.IsZero() || d.CreatedAt.Equal(q.CreatedAt.Truncate(time.Millisecond)))
		if !wanted || tr.hasDocument(d) {
			continue
		}
		tr.Matches++
		if len(tr.Ways) < t.limit() {
			tr.Ways = append(tr.Ways, t.wayOfDocumentAlone(ctx, d))
		}
	}
}

// scanDocuments bounds how many documents of a customer are read.
const scanDocuments = 1000

// hasDocument reports whether the document's own entry was found.
func (tr *Trace) hasDocument(d *store.Stored) bool {
	return slices.ContainsFunc(tr.Ways, func(w *Way) bool { return w.Document != nil && w.Document.ID == d.ID && w.State == StateIngested })
}

func (t *Tracer) limit() int { return cmp.Or(t.Limit, 20) }

// sort puts the newest ways first.
func (tr *Trace) sort() {
	slices.SortStableFunc(tr.Ways, func(a, b *Way) int { return b.arrived().Compare(a.arrived()) })
}

// arrived is when the record came, or the time of the first thing that is known of it.
func (w *Way) arrived() time.Time {
	if len(w.Steps) > 0 && !w.Steps[0].At.IsZero() {
		return w.Steps[0].At
	}
	return arrivalOf(w.EntryID)
}

// hit is what a scan has found: an entry, or a dead letter without its entry.
type hit struct {
	partition int
	id        string
	letter    *streams.DeadLetter
}

func (h hit) arrived() string {
	if h.letter == nil {
		return h.id
	}
	return cmp.Or(h.letter.StreamID, h.letter.ID)
}

// scanFor looks for records in bounded parts of what is kept, and follows the newest ones
// that it finds.
func (t *Tracer) scanFor(ctx context.Context, tr *Trace, m matcher) error {
	if t.BeforeScan != nil {
		if err := t.BeforeScan(); err != nil {
			return err
		}
	}
	if t.IsList() {
		return t.scanList(ctx, tr, m)
	}
	s := &scan{Tracer: t, trace: tr, matcher: m, seen: map[string]bool{}, left: t.scan()}
	t.letters, t.complete = map[string]map[string]*streams.DeadLetter{}, map[string]bool{}
	order := t.homeFirst(m.customerID)
	if m.customerID == "" {
		s.share = t.scan() / int64(len(order))
	}
	for _, i := range order {
		if err := s.partition(ctx, i); ctx.Err() != nil {
			break
		} else if err != nil && !t.passes(ctx, tr, t.Keys[i], err) {
			return err
		}
	}
	ctx, cancel := outlasting(ctx)
	defer cancel()
	slices.SortStableFunc(s.hits, func(a, b hit) int { return compareIDs(b.arrived(), a.arrived()) })
	tr.Matches = int64(len(s.hits)) + s.more
	for _, h := range s.hits[:min(len(s.hits), t.limit())] {
		if err := s.follow(ctx, h); err != nil {
			return ended(ctx, err)
		}
	}
	return nil
}

// outlasting returns a context in which what was found before an interruption can be
// followed, for a short time.
func outlasting(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
}

// ended is nil if ctx has ended: what was found until then is of use.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return nil
	}
	return err
}

func (s *scan) follow(ctx context.Context, h hit) error {
	if h.letter != nil {
		s.trace.Ways = append(s.trace.Ways, s.followLetter(ctx, h.letter, s.Keys[h.partition], h.partition))
		return nil
	}
	e, err := s.readEntry(ctx, s.Keys[h.partition], h.id)
	if err != nil {
		return err
	}
	w, err := s.wayOfEntry(ctx, s.trace, e, h.partition)
	if err == nil && w.State != StateAbsent {
		s.trace.Ways = append(s.trace.Ways, w)
	}
	return err
}

func (t *Tracer) readClock(ctx context.Context, tr *Trace) error {
	now, err := t.clock(ctx)
	if err != nil {
		return fmt.Errorf("asking Redis for the time: %w", redisconn.Plain(err))
	}
	tr.At = now.UTC()
	return nil
}
