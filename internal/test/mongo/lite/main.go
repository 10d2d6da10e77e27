// Command mongolite is the test server of package faulty as a process that may
// be killed: a small, correct MongoDB that is quick enough for long runs. What
// it has confirmed is in its journal, which outlives a SIGKILL, though not the
// machine.
//
//	mongolite --addr 127.0.0.1:27999 --journal ./journal
//
// The file of --refuse makes it refuse single documents while the file is there:
// {"modulo":4,"remainder":1,"codes":[202,70]} a quarter of them, by their _id.
//
// It prints one line, "ready" and its URI, once clients can connect, and ends
// on SIGINT or SIGTERM.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"ingestion/internal/test/mongo/faulty"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "host:port to listen on; port 0 takes a free one")
	journal := flag.String("journal", "", "file in which documents outlive the process (default: they end with it)")
	refusals := flag.String("refuse", "", "JSON `file` that says which documents are refused, while it is there")
	flag.Parse()
	if err := serve(*addr, *journal, *refusals); err != nil {
		fmt.Fprintln(os.Stderr, "mongolite:", err)
		os.Exit(1)
	}
}

func serve(addr, journal, refusals string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server, err := faulty.New(faulty.Options{Addr: addr, Journal: journal})
	if err != nil {
		return err
	}
	if refusals != "" {
		server.Rule("insert", refuse(refusals))
	}
	fmt.Printf("ready %s/\n", server.URI())
	<-ctx.Done()
	return server.Close()
}
