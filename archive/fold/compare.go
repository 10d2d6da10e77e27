package fold

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/archive"
	"ingestion/archive/fold/diff"
	"ingestion/record"
)

// ignoredFields differ in any case: the time of the insertion, and in list mode its ID.
var ignoredFields = []string{"ingestedAt", "insertId"}

// Difference is one document that is not the same in both collections.
type Difference struct {
	Kind       diff.Kind
	ID         string // the _id, as text
	CustomerID string // empty if the document has none
	StreamID   string
	Values     []Values // of a changed document
	Why        string   // as far as the rebuild's state tells; else empty
}

// Values are the two values of a field, as MongoDB Extended JSON; empty where a document
// lacks the field.
type Values struct{ Field, First, Second string }

// Comparison is the result of comparing two collections.
type Comparison struct {
	Same, Missing, Extra, Changed int64
	// Outside is how many documents only the first collection has because their entries came
	// after the end of the rebuild, or before where it was told to begin. They are no
	// differences.
	Outside     int64
	Fields      map[string]int64 // changed documents by the field that differs
	Reasons     map[string]int64 // differences by Why
	Differences []Difference     // the first ones
}

// Differ is the number of documents that differ.
func (c *Comparison) Differ() int64 { return c.Missing + c.Extra + c.Changed }

// Read is the number of documents that were compared.
func (c *Comparison) Read() int64 { return c.Same + c.Differ() + c.Outside }

// Compare compares a collection with a rebuilt one, or with any other, and keeps the first
// keep differences. It calls progress now and then with what it has found so far; nil:
// never. Times of ingestion are not compared.
func Compare(ctx context.Context, first, second *mongo.Collection, keep int, progress func(*Comparison)) (*Comparison, error) {
	state, err := newNotebook(second).read(ctx)
	if err != nil {
		return nil, err
	}
	c := &Comparison{Fields: map[string]int64{}, Reasons: map[string]int64{}, Differences: []Difference{}}
	firsts := func(yield func(bson.Raw, error) bool) {
		for doc, err := range diff.Collection(ctx, first) {
			if c.Same++; c.Same%progressEvery == 0 && progress != nil {
				progress(c)
			}
			if !yield(doc, err) {
				return
			}
		}
	}
	err = diff.Compare(firsts, diff.Collection(ctx, second), ignoredFields, func(d diff.Difference) error {
		c.add(d, state, keep)
		return nil
	})
	return c, err
}

// progressEvery is after how many documents progress is told.
const progressEvery = 10_000

// add counts a difference. Until then, documents of the first collection count as the same.
func (c *Comparison) add(d diff.Difference, state *State, keep int) {
	why, outside := state.why(d)
	switch d.Kind {
	case diff.Missing:
		c.Same--
		if outside {
			c.Outside++
			return
		}
		c.Missing++
	case diff.Extra:
		c.Extra++
	case diff.Changed:
		c.Same--
		c.Changed++
	}
	for _, field := range d.Fields {
		c.Fields[field]++
	}
	if why != "" {
		c.Reasons[why]++
	}
	if len(c.Differences) < keep {
		c.Differences = append(c.Differences, describe(d, why))
	}
}

func describe(d diff.Difference, why string) Difference {
	doc := either(d)
	out := Difference{Kind: d.Kind, ID: idText(d.ID), CustomerID: text(doc, "customerId"), StreamID: text(doc, "streamId"), Why: why}
	for _, field := range d.Fields {
		out.Values = append(out.Values, Values{field, valueText(d.First, field), valueText(d.Second, field)})
	}
	return out
}

func either(d diff.Difference) bson.Raw {
	if d.First != nil {
		return d.First
	}
	return d.Second
}

func text(doc bson.Raw, field string) string {
	s, _ := doc.Lookup(field).StringValueOK()
	return s
}

func idText(id bson.RawValue) string {
	if s, ok := id.StringValueOK(); ok {
		return s
	}
	if oid, ok := id.ObjectIDOK(); ok {
		return oid.Hex()
	}
	return id.String()
}

func valueText(doc bson.Raw, field string) string {
	value, err := doc.LookupErr(field)
	if err != nil {
		return ""
	}
	return value.String()
}

// Why a document differs.
const (
	whyOlder   = "its entry is older than what was folded"
	whyNoEntry = "it comes from no entry of the stream"
	whyRefused = "the rebuild refuses its record, or knows no such entry: compare limits, rules and settings"
	whyExtra   = "the live side has refused its record, or not settled it yet"
	whyFirst   = "another entry of the same record came first"
)

// why says why a document of the live collection differs from the rebuilt one, and whether
// its entry is outside of what was to be rebuilt. Without a state it says nothing.
func (s *State) why(d diff.Difference) (why string, outside bool) {
	if s == nil {
		return "", false
	}
	id := text(either(d), "streamId")
	home := s.Partitions[record.HomePartition(text(either(d), "customerId"), s.Rules.homes(len(s.Partitions)))]
	switch {
	case d.Kind == diff.Extra:
		return whyExtra, false
	case d.Kind == diff.Changed:
		for _, field := range d.Fields {
			if field == "streamId" {
				return whyFirst, false
			}
		}
		return "", false
	case !archive.IsID(id):
		return whyNoEntry, false
	case archive.CompareIDs(id, home.End) > 0:
		return "", true
	case archive.CompareIDs(id, home.After) <= 0 && s.From != "":
		return "", true
	case archive.CompareIDs(id, home.After) <= 0:
		return whyOlder, false
	default:
		return whyRefused, false
	}
}
