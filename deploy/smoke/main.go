// Command smoke waits until a collection contains a number of documents, and prints
// how many it contains:
//
//	smoke -uri mongodb://127.0.0.1:27017 -documents 20 -timeout 2m
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

const interval = 100 * time.Millisecond

func main() {
	uri := flag.String("uri", "mongodb://127.0.0.1:27017", "connection string of MongoDB")
	database := flag.String("db", "ingestion", "database")
	collection := flag.String("collection", "customers", "collection")
	want := flag.Int64("documents", 1, "number of documents to wait for")
	timeout := flag.Duration("timeout", time.Minute, "exit with code 1 after this time")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI(*uri))
	if err == nil {
		err = await(ctx, client.Database(*database).Collection(*collection), *want)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "smoke:", err)
		os.Exit(1)
	}
}

func await(ctx context.Context, coll *mongo.Collection, want int64) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		found, err := coll.CountDocuments(ctx, bson.D{})
		if err == nil && found >= want {
			fmt.Printf("%d documents in %s.%s\n", found, coll.Database().Name(), coll.Name())
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d documents in %s.%s, want %d (last error: %v)", found, coll.Database().Name(), coll.Name(), want, err)
		}
	}
}
