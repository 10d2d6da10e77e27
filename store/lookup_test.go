package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/internal/test/mongo/faulty"
	"ingestion/record"
	"ingestion/store"
)

// TestOwnedReadsLinearizably: what decides that an entry is ingested must survive a
// failover.
func TestOwnedReadsLinearizably(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	f.insert(t, documents(3))
	before := f.server.Count("find")
	own, err := f.Owned(t.Context(), documents(5))
	if err != nil || fmt.Sprint(own) != "[true true true false false]" {
		t.Fatalf("Owned = %v, %v", own, err)
	}
	calls := f.server.Calls("find")[before:]
	if len(calls) != 4 {
		t.Fatalf("%d finds, want one for all documents and one for each that exists", len(calls))
	}
	for _, call := range calls[1:] {
		level, _ := call.Body.Lookup("readConcern", "level").StringValueOK()
		if _, single := call.Body.Lookup("filter", "_id").StringValueOK(); level != "linearizable" || !single || call.Body.Lookup("maxTimeMS").AsInt64() <= 0 {
			t.Errorf("the command is %v", call.Body)
		}
		if n := strings.Count(call.Body.String(), `"maxTimeMS"`); n != 1 {
			t.Errorf("the command has maxTimeMS %d times, which MongoDB refuses", n)
		}
	}
}

// TestOwnedAfterARollback: a document that is on the primary but not on a majority does
// not count.
func TestOwnedAfterARollback(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	f.insert(t, documents(1))
	nothing := bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: bson.D{{Key: "firstBatch", Value: bson.A{}}, {Key: "id", Value: int64(0)}, {Key: "ns", Value: "x.y"}}}}
	f.server.Rule("find", func(call faulty.Call) faulty.Fault {
		if _, err := call.Body.LookupErr("readConcern"); err != nil {
			return faulty.Fault{}
		}
		if call.N < 4 {
			return faulty.Fault{Code: 189} // the primary steps down instead of confirming
		}
		return faulty.Fault{Reply: nothing}
	})
	own, err := f.Owned(t.Context(), documents(1))
	if err != nil || own[0] {
		t.Errorf("Owned = %v, %v", own, err)
	}
}

// TestOwnedOnAStandaloneServer: it has no linearizable reads.
func TestOwnedOnAStandaloneServer(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	f.insert(t, documents(2))
	f.server.Rule("find", func(call faulty.Call) faulty.Fault {
		if _, err := call.Body.LookupErr("readConcern"); err == nil {
			return faulty.Fault{Code: 123}
		}
		return faulty.Fault{}
	})
	for range 3 {
		if own, err := f.Owned(t.Context(), documents(3)); err != nil || fmt.Sprint(own) != "[true true false]" {
			t.Fatalf("Owned = %v, %v", own, err)
		}
	}
	if n := f.server.Count("find"); n > 2+4+1 {
		t.Errorf("%d finds: linearizable reads are tried repeatedly", n)
	}
}

// TestLookupsOnFerretDB2 are batched: its $in is fast.
func TestLookupsOnFerretDB2(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	f.server.Script("buildInfo", faulty.Fault{Reply: bson.D{{Key: "ok", Value: 1}, {Key: "version", Value: "7.0.77"},
		{Key: "ferretdb", Value: bson.D{{Key: "version", Value: "v2.7.0"}}}}})
	docs := documents(20)
	f.insert(t, docs)
	for i := range docs {
		docs[i].StreamID = "1-1"
	}
	results := f.insert(t, docs)
	all(t, results, record.Duplicate)
	if n := f.server.Count("find"); n != 1 {
		t.Errorf("%d finds for one batch, want 1", n)
	}
}

// lookupMonitor counts the finds that run and keeps the greatest number at a time.
func lookupMonitor(mu *sync.Mutex, running, most *int) *event.CommandMonitor {
	change := func(name string, by int) {
		if name != "find" {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		*running += by
		*most = max(*most, *running)
	}
	return &event.CommandMonitor{
		Started:   func(_ context.Context, e *event.CommandStartedEvent) { change(e.CommandName, 1) },
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) { change(e.CommandName, -1) },
		Failed:    func(_ context.Context, e *event.CommandFailedEvent) { change(e.CommandName, -1) },
	}
}

func monitoredCollection(t testing.TB, uri string, monitor *event.CommandMonitor) *mongo.Collection {
	t.Helper()
	opts, err := store.ClientOptions(uri)
	if err != nil {
		t.Fatal(err)
	}
	client, err := mongo.Connect(opts.SetMonitor(monitor))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return client.Database("ingestion").Collection("customers")
}

var faultyReply = bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: "none"}}
