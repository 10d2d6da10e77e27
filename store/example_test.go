package store_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/internal/test/mongo/faulty"
	"ingestion/record"
	"ingestion/store"
)

// connect starts a small scripted server in place of a MongoDB and connects to it as
// to a real one. user is empty or "name:password@".
func connect(user string) (server *faulty.Server, coll *mongo.Collection, closeAll func()) {
	server, err := faulty.New(faulty.Options{})
	if err != nil {
		log.Fatal(err)
	}
	opts, err := store.ClientOptions("mongodb://" + user + server.Addr())
	if err != nil {
		log.Fatal(err)
	}
	client, err := mongo.Connect(opts)
	if err != nil {
		log.Fatal(err)
	}
	return server, client.Database("crm").Collection("customers"), func() {
		_ = client.Disconnect(context.Background())
		_ = server.Close()
	}
}

// Every document gets an outcome. Inserting a document again for the same stream entry
// is no duplicate, so that a batch can be repeated after a crash.
func ExampleStore_Insert() {
	ctx := context.Background()
	_, coll, closeAll := connect("")
	defer closeAll()

	s, err := store.New(coll, store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if err := s.Await(ctx); err != nil {
		log.Fatal(err)
	}

	ada := record.Record{ID: "a1", CustomerID: "7", Name: "Ada", Email: "ada@example.org", CreatedAt: time.Now()}
	eve := ada
	eve.Name = "Eve"
	for _, docs := range [][]store.Document{
		{{Record: ada, StreamID: "1-0"}},
		{{Record: ada, StreamID: "1-0"}, {Record: ada, StreamID: "2-0"}, {Record: eve, StreamID: "3-0"}},
	} {
		results, err := s.Insert(ctx, docs)
		if err != nil {
			log.Fatal(err)
		}
		for i, r := range results {
			fmt.Println(docs[i].StreamID, r.Outcome, "conflict:", r.Conflict)
		}
	}
	// Output:
	// 1-0 ingested conflict: false
	// 1-0 ingested conflict: false
	// 2-0 duplicate conflict: false
	// 3-0 duplicate conflict: true
}

// printer reports how the store fares.
type printer struct{}

func (printer) Waiting(err error, class store.Class, _ time.Duration) {
	fmt.Printf("waiting (%v, loud: %v): %v\n", class, class.Loud(), err)
}
func (printer) Recovered()            { fmt.Println("recovered") }
func (printer) Strike(s store.Strike) { fmt.Printf("strike %d of %d\n", s.Count, s.Limit) }

// The store retries transient failures itself and reports them to its observer.
func ExampleObserver() {
	ctx := context.Background()
	server, coll, closeAll := connect("")
	defer closeAll()
	server.Script("insert", faulty.Fault{Code: 10107}, faulty.Fault{Code: 14031}) // NotWritablePrimary, OutOfDiskSpace

	s, err := store.New(coll, store.Options{InitialBackoff: time.Millisecond, Observer: printer{}})
	if err != nil {
		log.Fatal(err)
	}
	results, err := s.Insert(ctx, []store.Document{{Record: record.Record{ID: "a1", Name: "Ada"}, StreamID: "1-0"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(results[0].Outcome)
	// Output:
	// waiting (transient, loud: false): MongoDB is shutting down or has no primary (MongoDB code 10107)
	// waiting (disk_trouble, loud: true): MongoDB is out of disk space; free some on its server (MongoDB code 14031)
	// recovered
	// ingested
}

// At start-up, Await waits for a server that is away, but fails at once if no retry can
// help.
func ExampleStore_Await() {
	_, coll, closeAll := connect("ada:wrong-password@")
	defer closeAll()

	s, err := store.New(coll, store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err = s.Await(ctx)
	fmt.Println(store.Permanent(err), err)
	// Output:
	// true store: reach MongoDB: MongoDB rejects the credentials in the connection string; check user, password and authSource (MongoDB code 18)
}

// Options that the store cannot work with are refused rather than overridden.
func ExampleClientOptions() {
	_, err := store.ClientOptions("mongodb://localhost/?w=1")
	fmt.Println(err)
	// Output:
	// remove the option w from the connection string: inserts always use write concern majority with journaling
}
