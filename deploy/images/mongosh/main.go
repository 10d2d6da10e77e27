// Command mongosh replaces MongoDB's shell in the stand-in image, for the health
// check only: it ignores its arguments, pings the server, and prints 1 and exits 0
// if the server answers, as the shell does for
// `--eval "db.runCommand({ping: 1}).ok"`.
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
