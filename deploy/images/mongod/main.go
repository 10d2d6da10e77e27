// Command mongod replaces MongoDB's server in the stand-in image: it runs the embedded
// FerretDB, takes the flags that docker-compose.yml and testcontainers give to mongod, and says
// in mongod's words that it is ready. FerretDB has no replica sets, so --replSet is only noted.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"ingestion/internal/embedded"
)

func main() {
	port := flag.String("port", "27017", "port to listen on")
	dir := flag.String("dbpath", "/data/db", "data `directory`")
	set := flag.String("replSet", "", "ignored")
	_ = flag.Bool("bind_ip_all", true, "ignored: it always listens on all addresses")
	flag.Parse()
	if *set != "" {
		fmt.Printf("FerretDB has no replica sets: --replSet %s is ignored\n", *set)
	}
	if err := serve(embedded.Options{Addr: net.JoinHostPort("0.0.0.0", *port), Dir: *dir}); err != nil {
		fmt.Fprintln(os.Stderr, "mongod:", err)
		os.Exit(1)
	}
}

func serve(opts embedded.Options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server, err := embedded.StartMongo(ctx, opts)
	if err != nil {
		return err
	}
	fmt.Println("Waiting for connections on", server.Addr())
	<-ctx.Done()
	return server.Close()
}
