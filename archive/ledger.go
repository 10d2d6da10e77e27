package archive

import "context"

// ledger compares what was archived with what was added to the stream.
type ledger struct {
	known    bool
	added    int64 // entries added to the stream when it was last known
	archived int64 // entries archived since
}

// total is how many entries must have been added, or nil if that is unknown.
func (l *ledger) total() *int64 {
	if !l.known {
		return nil
	}
	total := l.added + l.archived
	return &total
}

// add adds a manifest entry. It returns how many entries more were added to the stream than
// were archived.
func (l *ledger) add(m *Manifest) (missing int64) {
	if m.Number == 1 && m.Before != nil {
		*l = ledger{known: true, added: *m.Before}
	}
	l.archived += m.Count
	if m.Added == nil {
		return 0
	}
	if l.known {
		missing = *m.Added - l.added - l.archived
	}
	*l = ledger{known: true, added: *m.Added}
	return missing
}

// count reports entries that are in the archive or in the stream only.
func (v *verifier) count(m *Manifest) {
	switch missing := v.ledger.add(m); {
	case missing > 0:
		v.fault(EntriesMissing, m, "%d more entries were added to the stream up to manifest entry %d than are archived: other clients deleted them before they were archived", missing, m.Number)
	case missing < 0:
		v.note(EntriesLost, m, "up to manifest entry %d, %d entries are archived of which the stream knows nothing: Redis lost them after they were archived", m.Number, -missing)
	}
}

// CatchUp extends the report's Tail and Accounted to the end that the chain has now.
func (l *Log) CatchUp(ctx context.Context, r *Report) error {
	if r.Tail.Number == 0 {
		return nil
	}
	sums := ledger{}
	if r.Accounted != nil {
		sums = ledger{known: true, added: *r.Accounted}
	}
	for m, err := range l.Manifests(ctx, r.Tail.Number) {
		if err != nil {
			return err
		}
		if m.Number > r.Tail.Number {
			sums.add(&m)
			r.Tail = m
		}
	}
	r.Accounted = sums.total()
	return nil
}
