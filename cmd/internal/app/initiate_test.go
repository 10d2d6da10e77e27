package app_test

import (
	"strings"
	"testing"

	"ingestion/cmd/internal/app"
	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
)

// initiate runs "worker init" and returns what it printed.
func initiate(t *testing.T, uri, indexes string) string {
	t.Helper()
	t.Setenv("MONGO_URI", uri)
	t.Setenv("MONGO_INDEXES", indexes)
	t.Setenv("STARTUP_TIMEOUT_SEC", "30")
	t.Chdir(t.TempDir())
	var out strings.Builder
	if err := app.Initiate(t.Context(), &out); err != nil {
		t.Fatalf("%s: %v", uri, err)
	}
	return out.String()
}

func wantText(t *testing.T, text string, phrases ...string) {
	t.Helper()
	for _, phrase := range phrases {
		if !strings.Contains(text, phrase) {
			t.Errorf("%q does not contain %q", text, phrase)
		}
	}
}

func TestInitiateWaitsForThePrimary(t *testing.T) {
	server := faulty.Serve(t, faulty.Options{ReplicaSet: "rs0"})
	wantText(t, initiate(t, server.URI(), "on"), "is ready", "initiated the replica set rs0, of this server only", "ingestion.customers has its index")
	wantText(t, initiate(t, server.URI(), "on"), "the replica set rs0 was initiated before")
	if sets, indexes := server.Count("replSetInitiate"), server.Count("createIndexes"); sets != 1 || indexes != 2 {
		t.Errorf("%d initiations, %d times the index; want 1 and 2", sets, indexes)
	}
}

func TestInitiateFerretDB(t *testing.T) {
	server := env.Mongo(t)
	for range 2 {
		wantText(t, initiate(t, server.URI(), "on"), "no replica set to initiate", "has its index")
	}
	specs, err := server.Database(t).Client().Database("ingestion").Collection("customers").Indexes().ListSpecifications(t.Context())
	if err != nil || len(specs) != 2 {
		t.Errorf("%d indexes (%v), want 2", len(specs), err)
	}
}

func TestInitiateRefused(t *testing.T) {
	server := faulty.Serve(t, faulty.Options{ReplicaSet: "rs0"})
	t.Setenv("MONGO_URI", server.URI()+"/?replicaSet=other")
	t.Chdir(t.TempDir())
	var out strings.Builder
	err := app.Initiate(t.Context(), &out)
	if app.ExitCode(err) != 2 || out.Len() > 0 {
		t.Fatalf("%v, %q; want exit code 2", err, out.String())
	}
	wantText(t, err.Error(), "MONGO_URI", "replicaSet")
}

func TestInitiateGivesUp(t *testing.T) {
	t.Setenv("MONGO_URI", "mongodb://"+nowhere(t))
	t.Setenv("STARTUP_TIMEOUT_SEC", "1")
	t.Chdir(t.TempDir())
	var out strings.Builder
	err := app.Initiate(t.Context(), &out)
	if app.ExitCode(err) != 1 {
		t.Fatalf("%v, want exit code 1", err)
	}
	wantText(t, err.Error(), "STARTUP_TIMEOUT_SEC", "connection refused")
}
