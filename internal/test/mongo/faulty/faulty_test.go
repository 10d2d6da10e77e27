package faulty_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"

	"ingestion/internal/test/mongo/faulty"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func connect(t *testing.T, s *faulty.Server) *mongo.Collection {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(s.URI()).SetServerSelectionTimeout(5 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return client.Database("db").Collection("c")
}

func documents(ids ...string) []any {
	docs := make([]any, len(ids))
	for i, id := range ids {
		docs[i] = bson.D{{Key: "_id", Value: id}, {Key: "n", Value: i}}
	}
	return docs
}

func TestServesTheDriver(t *testing.T) {
	ctx := t.Context()
	s := faulty.Serve(t, faulty.Options{})
	c := connect(t, s)
	if err := c.Database().Client().Ping(ctx, nil); err != nil {
		t.Fatal(err)
	}
	_, err := c.InsertMany(ctx, documents("a", "b", "a", "c"), options.InsertMany().SetOrdered(false))
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) || len(bulk.WriteErrors) != 1 || bulk.WriteErrors[0].Index != 2 || !mongo.IsDuplicateKeyError(err) {
		t.Fatalf("unordered insert with a duplicate: %v", err)
	}
	if n, err := c.CountDocuments(ctx, bson.D{}); err != nil || n != 3 {
		t.Errorf("CountDocuments = %d, %v; want 3", n, err)
	}
	if n, err := c.EstimatedDocumentCount(ctx); err != nil || n != 3 {
		t.Errorf("EstimatedDocumentCount = %d, %v; want 3", n, err)
	}
	var got bson.M
	if err := c.FindOne(ctx, bson.D{{Key: "_id", Value: "b"}}).Decode(&got); err != nil || got["n"] != int32(1) {
		t.Errorf("FindOne = %v, %v", got, err)
	}
	if err := c.FindOne(ctx, bson.D{{Key: "_id", Value: "z"}}).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
		t.Errorf("FindOne of a missing document: %v", err)
	}
	if err := c.Drop(ctx); err != nil || len(s.Documents("db", "c")) != 0 {
		t.Errorf("Drop: %v, %d left", err, len(s.Documents("db", "c")))
	}
}

func TestOrderedInsertStopsAtTheFirstError(t *testing.T) {
	s := faulty.Serve(t, faulty.Options{})
	c := connect(t, s)
	if _, err := c.InsertMany(t.Context(), documents("a", "a", "b")); !mongo.IsDuplicateKeyError(err) {
		t.Fatalf("err = %v", err)
	}
	if n := len(s.Documents("db", "c")); n != 1 {
		t.Errorf("%d documents, want 1", n)
	}
}

func TestPagesThroughACursor(t *testing.T) {
	s := faulty.Serve(t, faulty.Options{})
	c := connect(t, s)
	var ids []string
	for i := range 250 {
		ids = append(ids, fmt.Sprint(i))
	}
	if _, err := c.InsertMany(t.Context(), documents(ids...)); err != nil {
		t.Fatal(err)
	}
	cursor, err := c.Find(t.Context(), bson.D{}, options.Find().SetBatchSize(60))
	if err != nil {
		t.Fatal(err)
	}
	var all []bson.M
	if err := cursor.All(t.Context(), &all); err != nil || len(all) != 250 || s.Count("getMore") != 4 {
		t.Errorf("%d documents in %d further pages, %v; want 250 in 4", len(all), s.Count("getMore"), err)
	}
}

func TestFaults(t *testing.T) {
	duplicateOfName := faulty.WriteError{Index: 0, Code: 11000, KeyPattern: bson.D{{Key: "name", Value: 1}}}
	tests := []struct {
		name    string
		fault   faulty.Fault
		check   func(error) bool
		applied int
	}{
		{"none", faulty.Fault{}, func(err error) bool { return err == nil }, 2},
		{"top-level", faulty.Fault{Code: 91}, hasCode(91), 0},
		{"top-level with a label", faulty.Fault{Code: 1, Labels: []string{"SomeLabel"}}, hasLabel("SomeLabel"), 0},
		{"top-level, applied", faulty.Fault{Code: 262, Applied: true}, hasCode(262), 2},
		{"write error", faulty.Fault{WriteErrors: []faulty.WriteError{{Index: 1, Code: 121}}}, hasCode(121), 1},
		{"write error with an index", faulty.Fault{WriteErrors: []faulty.WriteError{duplicateOfName}}, mongo.IsDuplicateKeyError, 1},
		{"write concern", faulty.Fault{WriteConcern: 64}, hasCode(64), 2},
		{"cut before", faulty.Fault{CutBefore: true}, mongo.IsNetworkError, 0},
		{"cut after", faulty.Fault{CutAfter: true}, mongo.IsNetworkError, 2},
		{"silent", faulty.Fault{Silent: true}, mongo.IsTimeout, 2},
		{"delay", faulty.Fault{Delay: time.Hour}, mongo.IsTimeout, 0},
		{"another reply", faulty.Fault{Reply: bson.D{{Key: "ok", Value: 0}, {Key: "code", Value: int32(7)}}}, hasCode(7), 2},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := faulty.Serve(t, faulty.Options{})
			c := connect(t, s)
			if err := c.Database().Client().Ping(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			s.Script("insert", tc.fault)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			command := bson.D{{Key: "insert", Value: "c"}, {Key: "ordered", Value: false}, {Key: "documents", Value: documents("a", "b")}}
			if err := c.Database().RunCommand(ctx, command).Err(); !tc.check(err) {
				t.Errorf("err = %v", err)
			}
			if n := len(s.Documents("db", "c")); n != tc.applied {
				t.Errorf("%d documents applied, want %d", n, tc.applied)
			}
		})
	}
}

func hasCode(code int) func(error) bool {
	return func(err error) bool {
		var e mongo.ServerError
		return errors.As(err, &e) && e.HasErrorCode(code)
	}
}

func hasLabel(label string) func(error) bool {
	return func(err error) bool {
		var e mongo.LabeledError
		return errors.As(err, &e) && e.HasErrorLabel(label)
	}
}

func TestRuleAfterScript(t *testing.T) {
	s := faulty.Serve(t, faulty.Options{})
	c := connect(t, s)
	s.Script("ping", faulty.Fault{Code: 1})
	s.Rule("ping", func(call faulty.Call) faulty.Fault {
		if call.N == 3 {
			return faulty.Fault{Code: 3}
		}
		return faulty.Fault{}
	})
	for n, want := range []func(error) bool{hasCode(1), isNil, hasCode(3), isNil} {
		if err := c.Database().RunCommand(t.Context(), bson.D{{Key: "ping", Value: 1}}).Err(); !want(err) {
			t.Errorf("ping %d: %v", n+1, err)
		}
	}
	if len(s.Calls("ping")) != 4 {
		t.Errorf("%d pings recorded, want 4", len(s.Calls("ping")))
	}
}

func isNil(err error) bool { return err == nil }

func TestStopAndStartKeepsPortAndDocuments(t *testing.T) {
	s := faulty.Serve(t, faulty.Options{})
	c := connect(t, s)
	if _, err := c.InsertMany(t.Context(), documents("a")); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := c.FindOne(ctx, bson.D{{Key: "_id", Value: "a"}}).Err(); err == nil {
		t.Fatal("a stopped server answers")
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if err := c.FindOne(t.Context(), bson.D{{Key: "_id", Value: "a"}}).Err(); err != nil {
		t.Errorf("after the start: %v", err)
	}
}

func TestJournalSurvivesRestartAndTornEntry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	first, err := faulty.New(faulty.Options{Journal: path})
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, first)
	if _, err := c.InsertMany(t.Context(), documents("a", "b")); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	tear(t, path, 3)
	for range 2 { // the torn entry is removed
		again, err := faulty.New(faulty.Options{Journal: path})
		if err != nil {
			t.Fatal(err)
		}
		if docs := again.Documents("db", "c"); len(docs) != 1 || docs[0].Lookup("_id").StringValue() != "a" {
			t.Errorf("after a restart: %v", docs)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUpdatesAndLists(t *testing.T) {
	ctx := t.Context()
	journal := filepath.Join(t.TempDir(), "journal")
	s := faulty.Serve(t, faulty.Options{Journal: journal})
	c := connect(t, s)
	if err := c.Database().CreateCollection(ctx, "c"); err != nil {
		t.Fatal(err)
	}
	if err := c.Database().CreateCollection(ctx, "c"); err == nil {
		t.Error("created twice")
	}
	if r, err := c.ReplaceOne(ctx, bson.D{{Key: "_id", Value: "b"}}, bson.D{{Key: "n", Value: 1}}); err != nil || r.MatchedCount != 0 {
		t.Errorf("replaced nothing: %+v, %v", r, err)
	}
	if r, err := c.ReplaceOne(ctx, bson.D{{Key: "_id", Value: "b"}}, bson.D{{Key: "n", Value: 1}, {Key: "m", Value: 1}}, options.Replace().SetUpsert(true)); err != nil || r.UpsertedCount != 1 {
		t.Errorf("upserted: %+v, %v", r, err)
	}
	set := bson.D{{Key: "$set", Value: bson.D{{Key: "n", Value: 2}}}}
	if r, err := c.UpdateOne(ctx, bson.D{{Key: "_id", Value: "b"}, {Key: "n", Value: 9}}, set); err != nil || r.MatchedCount != 0 {
		t.Errorf("set where another field differs: %+v, %v", r, err)
	}
	if r, err := c.UpdateOne(ctx, bson.D{{Key: "_id", Value: "b"}, {Key: "n", Value: 1}}, set); err != nil || r.MatchedCount != 1 {
		t.Errorf("set: %+v, %v", r, err)
	}
	if _, err := c.InsertMany(ctx, documents("c", "a")); err != nil {
		t.Fatal(err)
	}
	cursor, err := c.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		t.Fatal(err)
	}
	var got []bson.M
	if err := cursor.All(ctx, &got); err != nil || len(got) != 3 || got[0]["_id"] != "a" || got[1]["n"] != int32(2) || got[1]["m"] != int32(1) || got[2]["_id"] != "c" {
		t.Errorf("%v, %v", got, err)
	}
	if names, err := c.Database().ListCollectionNames(ctx, bson.D{{Key: "name", Value: "c"}}); err != nil || len(names) != 1 {
		t.Errorf("collections %v, %v", names, err)
	}
	if indexes, err := c.Indexes().ListSpecifications(ctx); err != nil || len(indexes) != 1 {
		t.Errorf("indexes %v, %v", indexes, err)
	}
	again := faulty.Serve(t, faulty.Options{Journal: journal})
	if docs := again.Documents("db", "c"); len(docs) != 3 || docs[0].Lookup("n").AsInt64() != 2 {
		t.Errorf("from the journal: %v", docs)
	}
}
