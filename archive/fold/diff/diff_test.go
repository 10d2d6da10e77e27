package diff_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/archive/fold/diff"
	"ingestion/internal/test/env"
)

func TestMain(m *testing.M) { env.Main(m) }

func document(t testing.TB, fields ...any) bson.Raw {
	t.Helper()
	doc := bson.D{}
	for i := 0; i < len(fields); i += 2 {
		doc = append(doc, bson.E{Key: fields[i].(string), Value: fields[i+1]})
	}
	raw, err := bson.Marshal(doc)
	must(t, err)
	return raw
}

func of(docs ...bson.Raw) diff.Documents {
	return func(yield func(bson.Raw, error) bool) {
		for _, doc := range docs {
			if !yield(doc, nil) {
				return
			}
		}
	}
}

// compared returns the differences as text.
func compared(t testing.TB, a, b diff.Documents) []string {
	t.Helper()
	found := []string{}
	must(t, diff.Compare(a, b, []string{"ingestedAt"}, func(d diff.Difference) error {
		found = append(found, strings.TrimSpace(fmt.Sprintf("%s %s %s", d.Kind, d.ID, strings.Join(d.Fields, ","))))
		return nil
	}))
	return found
}

func TestEachKindIsFound(t *testing.T) {
	t.Parallel()
	doc := func(id any, fields ...any) bson.Raw { return document(t, append([]any{"_id", id}, fields...)...) }
	oid := bson.NewObjectID()
	for name, c := range map[string]struct {
		a, b []bson.Raw
		want []string
	}{
		"both empty":       {},
		"same":             {a: []bson.Raw{doc("1", "n", "a")}, b: []bson.Raw{doc("1", "n", "a")}},
		"other order":      {a: []bson.Raw{doc("1", "n", "a", "m", 1)}, b: []bson.Raw{doc("1", "m", 1, "n", "a")}},
		"ignored field":    {a: []bson.Raw{doc("1", "ingestedAt", 1)}, b: []bson.Raw{doc("1", "ingestedAt", 2)}},
		"first empty":      {b: []bson.Raw{doc("1"), doc("2")}, want: []string{`extra "1"`, `extra "2"`}},
		"second empty":     {a: []bson.Raw{doc("1"), doc("2")}, want: []string{`missing "1"`, `missing "2"`}},
		"missing between":  {a: []bson.Raw{doc("1"), doc("2"), doc("3")}, b: []bson.Raw{doc("1"), doc("3")}, want: []string{`missing "2"`}},
		"extra at the end": {a: []bson.Raw{doc("1")}, b: []bson.Raw{doc("1"), doc("3")}, want: []string{`extra "3"`}},
		"value and field":  {a: []bson.Raw{doc("1", "n", "a", "x", 1)}, b: []bson.Raw{doc("1", "n", "b", "y", 1)}, want: []string{`changed "1" n,x,y`}},
		"type of a value":  {a: []bson.Raw{doc("1", "n", int32(1))}, b: []bson.Raw{doc("1", "n", "1")}, want: []string{`changed "1" n`}},
		"types in their order": {a: []bson.Raw{doc(int32(7)), doc(8.5), doc("1"), doc(oid)}, b: []bson.Raw{doc(int64(7)), doc("1")},
			want: []string{`changed {"$numberInt":"7"} _id`, `missing {"$numberDouble":"8.5"}`, `missing {"$oid":"` + oid.Hex() + `"}`}},
	} {
		if got := compared(t, of(c.a...), of(c.b...)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestWhatCanNotBeCompared(t *testing.T) {
	t.Parallel()
	nothing := func(diff.Difference) error { return nil }
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		docs diff.Documents
		want string
	}{
		"out of order": {of(document(t, "_id", "2"), document(t, "_id", "1")), "not in the order"},
		"twice":        {of(document(t, "_id", "1"), document(t, "_id", "1")), "not in the order"},
		"type":         {of(document(t, "_id", bson.D{}), document(t, "_id", "1")), "embedded document"},
		"error":        {func(yield func(bson.Raw, error) bool) { yield(nil, broken) }, "broken"},
	} {
		for _, err := range []error{diff.Compare(c.docs, of(document(t, "_id", "0")), nil, nothing), diff.Compare(of(), c.docs, nil, nothing)} {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
	}
}

// customers generates n documents; change may return another one, or nil for none.
func customers(n int, change func(i int, doc bson.Raw) bson.Raw) diff.Documents {
	return func(yield func(bson.Raw, error) bool) {
		for i := range n {
			doc, err := bson.Marshal(bson.D{
				{Key: "_id", Value: fmt.Sprintf("%064x", i)}, {Key: "customerId", Value: fmt.Sprint(i % 1000)},
				{Key: "name", Value: "Ada"}, {Key: "email", Value: "ada@lovelace.org"}, {Key: "ingestedAt", Value: bson.DateTime(i)},
			})
			if doc = change(i, doc); doc == nil {
				continue
			}
			if !yield(doc, err) {
				return
			}
		}
	}
}

// TestPlantedInAMillion finds one difference of each kind among a million documents, in
// memory that does not grow with them.
func TestPlantedInAMillion(t *testing.T) {
	const n, missing, extra, changed = 1_000_000, 123_456, 654_321, 999_999
	const most = 64 << 20 // the limit is 256 MiB for the program
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	peak := uint64(0)
	a := customers(n, func(i int, doc bson.Raw) bson.Raw {
		if i == extra {
			return nil
		}
		return doc
	})
	b := customers(n, func(i int, doc bson.Raw) bson.Raw {
		if i%10_000 == 0 {
			runtime.ReadMemStats(&now)
			peak = max(peak, now.Sys)
		}
		switch i {
		case missing:
			return nil
		case changed:
			return document(t, "_id", fmt.Sprintf("%064x", i), "customerId", "x", "name", "Ada", "email", "ada@lovelace.org")
		}
		return doc
	})
	want := []string{fmt.Sprintf(`missing "%064x"`, missing), fmt.Sprintf(`extra "%064x"`, extra), fmt.Sprintf(`changed "%064x" customerId`, changed)}
	if got := compared(t, a, b); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if grown := peak - min(peak, before.Sys); grown > most {
		t.Errorf("grew by %d MiB, want at most %d", grown>>20, most>>20)
	}
	t.Logf("%d MiB, of which %d MiB before", peak>>20, before.Sys>>20)
}

func TestCollections(t *testing.T) {
	t.Parallel()
	db := env.Mongo(t).Database(t)
	const n = 3000
	for name, change := range map[string]func(int, bson.Raw) bson.Raw{
		"a": func(i int, doc bson.Raw) bson.Raw { return doc },
		"b": func(i int, doc bson.Raw) bson.Raw {
			switch i {
			case 17:
				return nil
			case 2999:
				return document(t, "_id", fmt.Sprintf("%064x", i), "customerId", "999", "name", "Eve", "email", "ada@lovelace.org")
			}
			return doc
		},
	} {
		var docs []any
		for doc := range customers(n, change) {
			docs = append(docs, doc)
		}
		_, err := db.Collection(name).InsertMany(t.Context(), docs)
		must(t, err)
	}
	_, err := db.Collection("b").InsertOne(t.Context(), bson.D{{Key: "_id", Value: "zzz"}})
	must(t, err)
	want := []string{fmt.Sprintf(`missing "%064x"`, 17), fmt.Sprintf(`changed "%064x" name`, 2999), `extra "zzz"`}
	if got := compared(t, diff.Collection(t.Context(), db.Collection("a")), diff.Collection(t.Context(), db.Collection("b"))); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := compared(t, diff.Collection(t.Context(), db.Collection("none")), diff.Collection(t.Context(), db.Collection("b"))); len(got) != n {
		t.Errorf("%d differences from a collection that does not exist, want %d", len(got), n)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
