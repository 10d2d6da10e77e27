// Command mongosh stands in for MongoDB's shell in the stand-in image, where
// it is asked for one thing only: whether the server answers. Its arguments
// are not read. It prints 1 and exits 0 if the server answers a ping, as the
// shell does for `--eval "db.runCommand({ping: 1}).ok"`.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

const (
	uri     = "mongodb://127.0.0.1:27017"
	timeout = 5 * time.Second
)

func main() {
	if err := ping(); err != nil {
		fmt.Fprintln(os.Stderr, "mongosh:", err)
		os.Exit(1)
	}
	fmt.Println(1)
}

func ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return err
	}
	defer func() { _ = client.Disconnect(ctx) }()
	return client.Ping(ctx, nil)
}
