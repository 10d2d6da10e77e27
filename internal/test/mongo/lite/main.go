// Command lite runs the server of package faulty as a process that may be
// killed: a small, correct MongoDB, fast enough for long runs. Acknowledged
// documents are in its journal, which survives a SIGKILL, but not a crash of
// the machine.
//
//	lite --addr 127.0.0.1:27999 --journal ./journal
//
// While the file named by --refuse exists, single documents are refused: with
// {"modulo":4,"remainder":1,"codes":[202,70]} a quarter of them, by a hash of
// their _id.
//
// It prints one line, "ready" and its URI, once clients can connect, and exits
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
	addr := flag.String("addr", "127.0.0.1:0", "host:port to listen on; port 0 picks a free one")
	journal := flag.String("journal", "", "file in which documents survive the process (default: none)")
	refusals := flag.String("refuse", "", "JSON `file` that selects the documents to refuse, while it exists")
	flag.Parse()
	if err := serve(*addr, *journal, *refusals); err != nil {
		fmt.Fprintln(os.Stderr, "lite:", err)
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
