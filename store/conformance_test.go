package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
	"ingestion/record"
	"ingestion/store"
)

// TestConformance checks the store's guarantees against each server: FerretDB, and the
// scripted server without faults.
func TestConformance(t *testing.T) {
	servers := map[string]func(t *testing.T) *mongo.Collection{
		"FerretDB": func(t *testing.T) *mongo.Collection { return env.Mongo(t).Database(t).Collection("customers") },
		"scripted": func(t *testing.T) *mongo.Collection {
			return collectionAt(t, faulty.Serve(t, faulty.Options{}).URI())
		},
	}
	guarantees := map[string]func(*testing.T, *store.Store, *mongo.Collection){
		"stores every document once":          storesOnce,
		"tells duplicates from own documents": tellsDuplicates,
		"is idempotent under concurrency":     idempotent,
		"starts":                              starts,
		"keeps unusual values":                keepsUnusualValues,
	}
	for server, collection := range servers {
		for guarantee, check := range guarantees {
			t.Run(server+" "+guarantee, func(t *testing.T) {
				coll := collection(t)
				check(t, newStore(t, coll, store.Options{}), coll)
			})
		}
	}
}

func mustInsert(t *testing.T, s *store.Store, docs []store.Document) []store.Result {
	t.Helper()
	results, err := s.Insert(t.Context(), docs)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func wantCount(t *testing.T, coll *mongo.Collection, want int64) {
	t.Helper()
	if n, err := coll.CountDocuments(t.Context(), bson.D{}); err != nil || n != want {
		t.Errorf("%d documents, %v; want %d", n, err, want)
	}
}

func storesOnce(t *testing.T, s *store.Store, coll *mongo.Collection) {
	docs := documents(250)
	all(t, mustInsert(t, s, docs), record.Ingested)
	all(t, mustInsert(t, s, docs[100:150]), record.Ingested)
	wantCount(t, coll, 250)
	var got bson.M
	if err := coll.FindOne(t.Context(), bson.D{{Key: "_id", Value: "id-42"}}).Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := docs[42].Record.CreatedAt.Truncate(time.Millisecond)
	if at, ok := got["createdAt"].(bson.DateTime); !ok || !at.Time().Equal(want) || got["streamId"] != docs[42].StreamID {
		t.Errorf("stored %v", got)
	}
}

func tellsDuplicates(t *testing.T, s *store.Store, coll *mongo.Collection) {
	mustInsert(t, s, documents(6))
	docs := documents(8)
	docs[1].StreamID = "2-1"
	docs[2].StreamID, docs[2].Record.Name = "2-2", "another name"
	docs[3].StreamID = ""
	docs = append(docs, docs[7])
	docs[8].StreamID = "2-8"
	results := mustInsert(t, s, docs)
	want := []store.Result{
		{Outcome: record.Ingested}, {Outcome: record.Duplicate}, {Outcome: record.Duplicate, Conflict: true},
		{Outcome: record.Duplicate}, {Outcome: record.Ingested}, {Outcome: record.Ingested},
		{Outcome: record.Ingested}, {Outcome: record.Ingested}, {Outcome: record.Duplicate},
	}
	for i := range want {
		if results[i] != want[i] {
			t.Errorf("document %d: %+v, want %+v", i, results[i], want[i])
		}
	}
	wantCount(t, coll, 8)
	own, err := s.Owned(t.Context(), docs[:2])
	if err != nil || fmt.Sprint(own) != "[true false]" {
		t.Errorf("Owned = %v, %v", own, err)
	}
}

// idempotent has several workers insert the same records, each from entries of its
// own. One of them ingests a record; for the others it is a duplicate.
func idempotent(t *testing.T, s *store.Store, coll *mongo.Collection) {
	const workers, n = 3, 60
	var mu sync.Mutex
	ingested := map[string]int{}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			docs := documents(n)
			for i := range docs {
				docs[i].StreamID = fmt.Sprintf("%d-%d", w+1, i)
			}
			results, err := s.Insert(t.Context(), docs)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for i, r := range results {
				if r.Outcome == record.Ingested {
					ingested[docs[i].Record.ID]++
				} else if r != (store.Result{Outcome: record.Duplicate}) {
					t.Errorf("worker %d, document %d: %+v", w, i, r)
				}
			}
		})
	}
	wg.Wait()
	if len(ingested) != n {
		t.Errorf("%d records ingested, want %d", len(ingested), n)
	}
	for id, times := range ingested {
		if times != 1 {
			t.Errorf("%s was ingested %d times", id, times)
		}
	}
	wantCount(t, coll, n)
}

func starts(t *testing.T, s *store.Store, coll *mongo.Collection) {
	if err := s.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.EnsureIndexes(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	all(t, mustInsert(t, s, documents(3)), record.Ingested)
	wantCount(t, coll, 3)
}

func keepsUnusualValues(t *testing.T, s *store.Store, coll *mongo.Collection) {
	docs := documents(3)
	docs[0].Record.CreatedAt = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	docs[1].Record.CreatedAt = time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)
	docs[2].Record.Name, docs[2].Record.CustomerID = "山田 ✓ Ünï\u200d", "$in.a|\\b"
	all(t, mustInsert(t, s, docs), record.Ingested)
	all(t, mustInsert(t, s, docs), record.Ingested)
	cursor, err := coll.Find(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	var got []bson.M
	if err := cursor.All(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	byID := map[any]bson.M{}
	for _, doc := range got {
		byID[doc["_id"]] = doc
	}
	for _, d := range docs {
		doc := byID[d.Record.ID]
		at, _ := doc["createdAt"].(bson.DateTime)
		if doc["name"] != d.Record.Name || doc["customerId"] != d.Record.CustomerID || int64(at) != d.Record.CreatedAt.UnixMilli() {
			t.Errorf("stored %v, want %+v", doc, d)
		}
	}
}
