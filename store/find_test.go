package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
	"ingestion/store"
)

func TestFindOnFerretDB(t *testing.T) {
	s := newStore(t, collectionAt(t, env.Mongo(t).URI()), store.Options{})
	docs := documents(3)
	docs[2].Record.CustomerID, docs[2].Record.Email, docs[2].StreamID = "8", "other@example.org", ""
	if _, err := s.Insert(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		field store.Field
		value string
		limit int64
		want  int
	}{
		{store.ByID, "id-1", 5, 1}, {store.ByID, "id-9", 5, 0}, {store.ByCustomer, "7", 5, 2}, {store.ByCustomer, "7", 1, 1},
		{store.ByEmail, "other@example.org", 5, 1}, {store.ByStreamID, docs[0].StreamID, 5, 1}, {store.ByCustomer, "", 5, 0},
	} {
		found, err := s.Find(t.Context(), c.field, c.value, c.limit)
		if err != nil || len(found) != c.want {
			t.Errorf("%+v: %d documents, %v", c, len(found), err)
		}
	}
	found, err := s.Find(t.Context(), store.ByID, "id-2", 1)
	if err != nil {
		t.Fatal(err)
	}
	got, want := found[0], docs[2].Record
	if got.ID != want.ID || got.CustomerID != "8" || got.Name != want.Name || got.Email != want.Email || got.StreamID != "" ||
		!got.CreatedAt.Equal(want.CreatedAt.Truncate(time.Millisecond)) || time.Since(got.IngestedAt) > time.Hour {
		t.Errorf("%+v, want %+v", got, want)
	}
	for _, indexed := range []bool{false, true} {
		got, err := s.Indexed(t.Context(), store.ByCustomer)
		if err != nil || got != indexed {
			t.Errorf("indexed: %v, %v; want %v", got, err, indexed)
		}
		if err := s.EnsureIndexes(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// MongoDB's messages quote documents.
func TestErrorsOfFind(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	f.insert(t, documents(1))
	f.server.Script("find", faulty.Fault{Code: 13}, faulty.Fault{Silent: true})
	for _, want := range []store.Class{store.Operator, store.TimedOut} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		_, err := f.Find(ctx, store.ByID, "id-0", 1)
		cancel()
		var failure *store.Error
		if !errors.As(err, &failure) || failure.Class != want {
			t.Errorf("%v, want %v", err, want)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%q quotes a document", err)
		}
	}
}
