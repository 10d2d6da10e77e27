package store_test

import (
	"context"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/store"
)

// lookupMonitor keeps the greatest number of finds under way at a time.
func lookupMonitor(mu *sync.Mutex, under, most *int) *event.CommandMonitor {
	change := func(name string, by int) {
		if name != "find" {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		*under += by
		*most = max(*most, *under)
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
