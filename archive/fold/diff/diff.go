// Package diff compares two collections of documents. It reads both once, in the order of
// their _ids, side by side, so its memory does not grow with them.
package diff

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Documents are the documents of a collection in ascending order of their _ids. The
// sequence ends after the first error. A document is valid until the next one is asked for.
type Documents = iter.Seq2[bson.Raw, error]

// Kind is a kind of difference. Its value is also what the JSON output says.
type Kind string

// The kinds.
const (
	Missing Kind = "missing" // only the first collection has the document
	Extra   Kind = "extra"   // only the second one has it
	Changed Kind = "changed" // both have it, with other values
)

// Difference is one document that is not the same in both collections.
type Difference struct {
	Kind   Kind
	ID     bson.RawValue
	Fields []string // of a changed document, the names of the fields that differ, sorted
	First  bson.Raw // nil if the first collection lacks the document
	Second bson.Raw // nil if the second one lacks it
}

// Compare calls visit for each difference, in the order of the _ids. The fields in ignored
// are not compared. What visit is passed is valid until it returns; its error ends the
// comparison. Another error is one of reading, or about documents that are out of order or
// have an _id of a type that Compare does not know.
func Compare(first, second Documents, ignored []string, visit func(Difference) error) error {
	a, stopA := pull(first)
	defer stopA()
	b, stopB := pull(second)
	defer stopB()
	if err := a.next(); err != nil {
		return fmt.Errorf("the first collection: %w", err)
	}
	if err := b.next(); err != nil {
		return fmt.Errorf("the second collection: %w", err)
	}
	for a.doc != nil || b.doc != nil {
		order, err := a.compare(b)
		if err != nil {
			return err
		}
		if d, differs := difference(order, a, b, ignored); differs {
			if err := visit(d); err != nil {
				return err
			}
		}
		if order <= 0 {
			if err := a.next(); err != nil {
				return fmt.Errorf("the first collection: %w", err)
			}
		}
		if order >= 0 {
			if err := b.next(); err != nil {
				return fmt.Errorf("the second collection: %w", err)
			}
		}
	}
	return nil
}

func difference(order int, a, b *reader, ignored []string) (d Difference, differs bool) {
	switch {
	case order < 0:
		return Difference{Kind: Missing, ID: a.id, First: a.doc}, true
	case order > 0:
		return Difference{Kind: Extra, ID: b.id, Second: b.doc}, true
	case bytes.Equal(a.doc, b.doc):
		return Difference{}, false
	}
	fields := changedFields(a.doc, b.doc, ignored)
	return Difference{Kind: Changed, ID: a.id, Fields: fields, First: a.doc, Second: b.doc}, len(fields) > 0
}

// changedFields returns the names of the fields that are not the same in both documents.
// Their order in the documents does not matter.
func changedFields(a, b bson.Raw, ignored []string) (names []string) {
	differ := func(from, in bson.Raw) {
		elements, _ := from.Elements() // the reader has validated it
		for _, e := range elements {
			name := e.Key()
			other, err := in.LookupErr(name)
			if (err != nil || !e.Value().Equal(other)) && !slices.Contains(ignored, name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	differ(a, b)
	differ(b, a)
	slices.Sort(names)
	return names
}

// reader reads one of the collections.
type reader struct {
	pull func() (bson.Raw, error, bool)
	doc  bson.Raw // nil at the end
	id   bson.RawValue
	last []byte // the _id of the document before, as type and value
}

func pull(documents Documents) (*reader, func()) {
	next, stop := iter.Pull2(documents)
	return &reader{pull: next}, stop
}

// next reads the next document, and checks that it comes after the one before.
func (r *reader) next() error {
	previous := r.id
	if r.doc != nil {
		r.last = append(append(r.last[:0], byte(r.id.Type)), r.id.Value...)
		previous = bson.RawValue{Type: bson.Type(r.last[0]), Value: r.last[1:]}
	}
	doc, err, ok := r.pull()
	if !ok {
		r.doc = nil
		return nil
	}
	if err == nil {
		err = doc.Validate()
	}
	if err != nil {
		return err
	}
	first := r.doc == nil
	r.doc, r.id = doc, doc.Lookup("_id")
	if first {
		return nil
	}
	order, err := compareIDs(previous, r.id)
	if err == nil && order >= 0 {
		err = fmt.Errorf("documents are not in the order of their _ids: %s after %s", r.id, previous)
	}
	return err
}

// compare compares the _ids of the documents that two readers have read. The end comes
// after every document.
func (r *reader) compare(other *reader) (int, error) {
	switch {
	case r.doc == nil:
		return 1, nil
	case other.doc == nil:
		return -1, nil
	}
	return compareIDs(r.id, other.id)
}
