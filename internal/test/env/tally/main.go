// Command tally prints how many tests ran on which servers, from the file that
// the tests wrote where TESTENV_TALLY named it:
//
//	TESTENV_TALLY=$PWD/tally go test ./... ; go run ./internal/test/env/tally tally
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"ingestion/internal/test/env/servers"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: tally FILE, the file that TESTENV_TALLY named when the tests ran")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(1)
	}
}

// run prints the summary of a file; one that is not there says that no test
// used a server, for instance because all results came from go test's cache.
func run(file string, out io.Writer) error {
	notes, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		_, err := fmt.Fprintln(out, "tests by server: none ran on a server (go test -count=1 runs those whose results are cached)")
		return err
	}
	if err != nil {
		return err
	}
	defer notes.Close()
	line, err := servers.Summary(notes)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, line)
	return err
}
