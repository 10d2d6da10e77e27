package sink

import (
	"context"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/internal/test/mongo/wire"
	"ingestion/record"
	"ingestion/store"
)

// newStore returns a store as the worker uses it.
func newStore(tb testing.TB, opts Options) (*Sink, *store.Store) {
	tb.Helper()
	s, err := Start(opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	clientOptions, err := store.ClientOptions(s.URI())
	if err != nil {
		tb.Fatal(err)
	}
	client, err := mongo.Connect(clientOptions)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	documents, err := store.New(client.Database("bench").Collection("customers"), store.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return s, documents
}

func documents(from, to int, stream string) []store.Document {
	docs := make([]store.Document, 0, to-from)
	for i := from; i < to; i++ {
		docs = append(docs, store.Document{
			Record:   record.Record{ID: fmt.Sprintf("%064x", i), CustomerID: "c", Name: fmt.Sprint("Ada ", i%7)},
			StreamID: fmt.Sprint(stream, "-", i),
		})
	}
	return docs
}

// insert returns how many documents are ingested, are duplicates, and are
// duplicates with another name.
func insert(tb testing.TB, s *store.Store, docs []store.Document) (ingested, duplicates, conflicts int) {
	tb.Helper()
	results, err := s.Insert(tb.Context(), docs)
	if err != nil {
		tb.Fatal(err)
	}
	for _, r := range results {
		switch r.Outcome {
		case record.Ingested:
			ingested++
		case record.Duplicate:
			duplicates++
		default:
			tb.Fatalf("outcome %v", r.Outcome)
		}
		if r.Conflict {
			conflicts++
		}
	}
	return ingested, duplicates, conflicts
}

func TestDuplicatesAreRefusedAndFound(t *testing.T) {
	const room, n = 10, 3000 // more than the capacity
	sink, s := newStore(t, Options{Remember: room})
	for _, step := range []struct {
		what                            string
		docs                            []store.Document
		ingested, duplicates, conflicts int
	}{
		{"new ones", documents(0, n, "1"), n, 0, 0},
		{"half of them again, of other entries", documents(n/2, n+n/2, "2"), n / 2, n / 2, 0},
		{"a single one again, of another entry", documents(1, 2, "3"), 0, 1, 0},
		{"the same entries again", documents(0, n, "1"), n, 0, 0},
		{"another name under an _id that is there", []store.Document{{Record: record.Record{ID: fmt.Sprintf("%064x", 0), Name: "Eve"}, StreamID: "4-0"}}, 0, 1, 1},
	} {
		ingested, duplicates, conflicts := insert(t, s, step.docs)
		if ingested != step.ingested || duplicates != step.duplicates || conflicts != step.conflicts {
			t.Errorf("%s: %d ingested, %d duplicates, %d conflicts, want %d, %d and %d",
				step.what, ingested, duplicates, conflicts, step.ingested, step.duplicates, step.conflicts)
		}
	}
	if got := sink.Documents(); got != n+n/2 {
		t.Errorf("%d documents, want %d", got, n+n/2)
	}
}

func TestSinkThatOnlyCounts(t *testing.T) {
	const n = 100
	sink, s := newStore(t, Options{})
	for range 2 {
		if ingested, _, _ := insert(t, s, documents(0, n, "1")); ingested != n {
			t.Errorf("%d of %d are ingested", ingested, n)
		}
	}
	if got := sink.Documents(); got != 2*n {
		t.Errorf("%d documents, want %d", got, 2*n)
	}
}

// BenchmarkRemembering measures the sink's cost per document.
func BenchmarkRemembering(b *testing.B) {
	const batch, batches = 500, 600
	commands := make([][]byte, batches)
	for k := range commands {
		documents := make(bson.A, batch)
		for i := range documents {
			n := k*batch + i
			documents[i] = bson.D{{Key: "_id", Value: fmt.Sprintf("%064x", n)}, {Key: "customerId", Value: "customer-12345"},
				{Key: "name", Value: "Ada Lovelace 12345"}, {Key: "email", Value: "ada.12345@mail-host.org"},
				{Key: "createdAt", Value: bson.DateTime(n)}, {Key: "ingestedAt", Value: bson.DateTime(n)},
				{Key: "streamId", Value: "1767225600000-0"}}
		}
		var err error
		if commands[k], err = bson.Marshal(bson.D{{Key: "insert", Value: "c"}, {Key: "documents", Value: documents}}); err != nil {
			b.Fatal(err)
		}
	}
	for name, remember := range map[string]int{"counting": 0, "remembering": batch * batches} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				s := &Sink{}
				if remember > 0 {
					s.memory = newMemory(remember)
				}
				b.StartTimer()
				for _, command := range commands {
					if _, err := s.insert(&wire.Message{Body: command}); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(batch*batches), "ns/document")
		})
	}
}
