package inspect

import (
	"context"
	"fmt"
	"time"

	"ingestion/store"
)

func (t *Tracer) documentsTimeout() time.Duration {
	if t.DocumentsTimeout > 0 {
		return t.DocumentsTimeout
	}
	return 5 * time.Second
}

// find searches the collection, for a bounded time.
func (t *Tracer) find(ctx context.Context, field store.Field, value string, limit int64) ([]store.Stored, error) {
	if t.Documents == nil {
		if t.DocumentsErr != nil {
			return nil, t.DocumentsErr
		}
		return nil, ErrNoDocuments
	}
	limited, cancel := context.WithTimeout(ctx, t.documentsTimeout())
	defer cancel()
	found, err := t.Documents.Find(limited, field, value, limit)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("no answer after %v", t.documentsTimeout())
		if indexed, indexErr := t.indexed(ctx, field); indexErr == nil && !indexed {
			err = fmt.Errorf("%w; no index begins with %s, so MongoDB has to read the whole collection", err, field)
		}
	}
	return found, err
}

func (t *Tracer) indexed(ctx context.Context, field store.Field) (bool, error) {
	if field == store.ByID {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.documentsTimeout())
	defer cancel()
	return t.Documents.Indexed(ctx, field)
}

// findDocument finds the document with the record's _id or, where the record is not known
// any more, the one that was inserted for the entry.
func (t *Tracer) findDocument(ctx context.Context, w *Way) {
	if w.Document != nil || w.DocumentsErr != nil || w.Refusal != nil {
		return
	}
	field, value := store.ByStreamID, w.EntryID
	if w.Record != nil {
		field, value = store.ByID, w.Record.ID
	}
	if value == "" {
		return
	}
	found, err := t.find(ctx, field, value, 1)
	if err != nil {
		w.DocumentsErr = err
		return
	}
	if len(found) > 0 {
		w.Document = &found[0]
		if w.Record == nil {
			w.Record, w.CustomerID = recordOf(w.Document), w.Document.CustomerID
		}
	}
}

// readDocument completes a way by its document. One of a record that is still on its way
// was inserted before a worker died or lost a reply.
func (t *Tracer) readDocument(ctx context.Context, w *Way) {
	t.findDocument(ctx, w)
	if w.Document == nil || w.Outcome != 0 || !t.ownDocument(w) {
		return
	}
	w.add(Step{At: w.Document.IngestedAt, State: StateIngested, Place: t.Collection, Certainty: Certain,
		Text: "its document is in MongoDB already; it will be settled as ingested", Evidence: "the document's streamId is " + w.Document.StreamID})
}

// byDocumentID finds the document, and from there its entry. Without a document, it looks
// for the _id in what is on the queue.
func (t *Tracer) byDocumentID(ctx context.Context, tr *Trace) error {
	if err := t.readClock(ctx, tr); err != nil {
		return err
	}
	found, err := t.find(ctx, store.ByID, tr.ID, 1)
	if err != nil {
		tr.DocumentsErr = err
	}
	if len(found) == 0 {
		return t.scanFor(ctx, tr, matcher{documentID: tr.ID})
	}
	w, err := t.wayOfDocument(ctx, tr, &found[0])
	if err == nil {
		tr.Ways = append(tr.Ways, w)
	}
	return err
}

// wayOfDocument follows a document back to its entry, as far as that is still there.
func (t *Tracer) wayOfDocument(ctx context.Context, tr *Trace, d *store.Stored) (*Way, error) {
	if d.StreamID != "" && !t.IsList() && IsEntryID(d.StreamID) {
		for _, i := range t.homeFirst(d.CustomerID) {
			e, err := t.readEntry(ctx, t.Keys[i], d.StreamID)
			if t.passes(ctx, tr, t.Keys[i], err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			probe := &Way{}
			t.readBody(probe, e.body())
			if probe.Record != nil && probe.Record.ID == d.ID {
				return t.wayOfEntry(ctx, tr, e, i)
			}
		}
	}
	return t.wayOfDocumentAlone(ctx, d), nil
}

// wayOfDocumentAlone tells what the document itself tells.
func (t *Tracer) wayOfDocumentAlone(ctx context.Context, d *store.Stored) *Way {
	w := &Way{EntryID: d.StreamID, Key: t.Main(), CustomerID: d.CustomerID, Document: d, Record: recordOf(d)}
	if !t.IsList() {
		w.Partition = t.homeFirst(d.CustomerID)[0]
		w.Key = t.Keys[w.Partition]
	}
	evidence := "the document"
	if IsEntryID(d.StreamID) {
		evidence = "the document's streamId; the entry is no longer on the stream"
		w.add(Step{At: arrivalOf(d.StreamID), Place: w.Key, Text: "arrived as " + d.StreamID, Evidence: evidence, Certainty: Likely})
	}
	w.end(Step{At: d.IngestedAt, State: StateIngested, Place: t.Collection, Text: "inserted into MongoDB", Evidence: "the document", Certainty: Certain})
	if at := arrivalOf(w.EntryID); !at.IsZero() {
		t.readSlot(ctx, w, at)
	} else {
		t.readSlot(ctx, w, d.IngestedAt)
	}
	return w
}

// homeFirst returns the indexes of the partitions, the customer's own one first.
func (t *Tracer) homeFirst(customerID string) []int {
	home := homeOf(t.Source, customerID)
	order := []int{home}
	for i := range t.Keys {
		if i != home {
			order = append(order, i)
		}
	}
	return order
}
