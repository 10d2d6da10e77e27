package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
	"ingestion/store"
)

// initiate calls Initiate with a connection string.
func initiate(t *testing.T, uri string) (store.ReplicaSet, error) {
	t.Helper()
	opts, err := store.ClientOptions(uri)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return store.Initiate(ctx, opts)
}

func wantSet(t *testing.T, uri string, want store.ReplicaSet) {
	t.Helper()
	if got, err := initiate(t, uri); err != nil || got != want {
		t.Errorf("%s: %+v (%v), want %+v", uri, got, err, want)
	}
}

func TestInitiateMakesAReplicaSetThatTakesInserts(t *testing.T) {
	server := faulty.Serve(t, faulty.Options{ReplicaSet: "rs0"})
	s := newStore(t, collectionAt(t, server.URI()), store.Options{CommandTimeout: 200 * time.Millisecond, InitialBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := s.Await(ctx); err == nil || !strings.Contains(err.Error(), "replica set is not initiated") {
		t.Fatalf("before: %v", err)
	}
	wantSet(t, server.URI(), store.ReplicaSet{Name: "rs0", Initiated: true})
	if err := s.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	if results, err := s.Insert(t.Context(), documents(2)); err != nil || len(server.Documents("ingestion", "customers")) != 2 {
		t.Errorf("%v, %v", results, err)
	}
	wantSet(t, server.URI(), store.ReplicaSet{Name: "rs0"})
	wantSet(t, server.URI()+"/?replicaSet=rs0", store.ReplicaSet{Name: "rs0"})
	if n := server.Count("replSetInitiate"); n != 1 {
		t.Errorf("%d initiations, want 1", n)
	}
}

func TestInitiateTakesTheNameOfTheConnectionString(t *testing.T) {
	server := faulty.Serve(t, faulty.Options{ReplicaSet: "rs0"})
	wantSet(t, server.URI()+"/?replicaSet=rs0", store.ReplicaSet{Name: "rs0", Initiated: true})
	if n := server.Count("getCmdLineOpts"); n != 0 {
		t.Errorf("the server was asked for the name %d times", n)
	}
}

func TestInitiateReadsTheNameOfAConfigurationFile(t *testing.T) {
	server := faulty.Serve(t, faulty.Options{ReplicaSet: "rs0"})
	server.Script("getCmdLineOpts", faulty.Fault{Reply: bson.D{{Key: "ok", Value: 1.0},
		{Key: "parsed", Value: bson.D{{Key: "replication", Value: bson.D{{Key: "replSetName", Value: "rs0"}}}}}}})
	wantSet(t, server.URI(), store.ReplicaSet{Name: "rs0", Initiated: true})
}

func TestInitiateLeavesAnUnnamedSet(t *testing.T) {
	server := faulty.Serve(t, faulty.Options{ReplicaSet: "rs0"})
	server.Script("getCmdLineOpts", faulty.Fault{Reply: bson.D{{Key: "ok", Value: 1.0}}})
	if _, err := initiate(t, server.URI()); !store.Permanent(err) || !strings.Contains(err.Error(), "replicaSet=NAME") {
		t.Errorf("%v", err)
	}
}

func TestInitiateAfterAnotherDid(t *testing.T) {
	server := faulty.Serve(t, faulty.Options{ReplicaSet: "rs0"})
	server.Script("replSetInitiate", faulty.Fault{Code: 23, Applied: true})
	wantSet(t, server.URI(), store.ReplicaSet{Name: "rs0"})
}

func TestInitiateLeavesOtherServersAsTheyAre(t *testing.T) {
	single := faulty.Serve(t, faulty.Options{})
	member := faulty.Serve(t, faulty.Options{ReplicaSet: "rs0"})
	for name, uri := range map[string]string{
		"a single server":  single.URI(),
		"several servers":  member.URI() + ",127.0.0.1:1",
		"a load balancer":  member.URI() + "/?loadBalanced=true",
		"FerretDB":         env.Mongo(t).URI(),
		"FerretDB, direct": env.Mongo(t).URI() + "?directConnection=true",
	} {
		t.Run(name, func(t *testing.T) { wantSet(t, uri, store.ReplicaSet{}) })
	}
	if n := single.Count("replSetInitiate") + member.Count("replSetInitiate"); n != 0 {
		t.Errorf("%d initiations, want none", n)
	}
}

func TestInitiateRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		command string
		fault   faulty.Fault
		options string
		phrase  string
	}{
		"another name":     {options: "/?replicaSet=other", phrase: "replicaSet, if set there"},
		"not allowed":      {command: "replSetInitiate", fault: faulty.Fault{Code: 13}, phrase: "clusterManager"},
		"may not be asked": {command: "getCmdLineOpts", fault: faulty.Fault{Code: 13}, phrase: "clusterManager"},
	} {
		t.Run(name, func(t *testing.T) {
			server := faulty.Serve(t, faulty.Options{ReplicaSet: "rs0"})
			server.Script(tc.command, tc.fault)
			if _, err := initiate(t, server.URI()+tc.options); !store.Permanent(err) || !strings.Contains(err.Error(), tc.phrase) {
				t.Errorf("%v, want a permanent error with %q", err, tc.phrase)
			}
		})
	}
}

func TestInitiateWaits(t *testing.T) {
	server := faulty.Serve(t, faulty.Options{ReplicaSet: "rs0"})
	server.Script("replSetInitiate", faulty.Fault{CutBefore: true}, faulty.Fault{Code: 74})
	server.Script("hello", faulty.Fault{CutBefore: true}, faulty.Fault{Code: 91})
	wantSet(t, server.URI(), store.ReplicaSet{Name: "rs0", Initiated: true})
	if n := server.Count("replSetInitiate"); n != 3 {
		t.Errorf("%d initiations, want 3", n)
	}
}

func TestInitiateSaysWhatItWaitedFor(t *testing.T) {
	server := faulty.Serve(t, faulty.Options{ReplicaSet: "rs0"})
	server.Rule("replSetInitiate", func(faulty.Call) faulty.Fault { return faulty.Fault{Code: 74} })
	opts, err := store.ClientOptions(server.URI())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := store.Initiate(ctx, opts); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), server.Addr()) || !strings.Contains(err.Error(), "code 74") {
		t.Errorf("%v", err)
	}
}
