// Command tally prints how many tests ran on which servers, from the file that
// the tests wrote where TESTENV_TALLY named it, and, where gotestsum runs it as
// its post-run command, how many passed, failed and were skipped:
//
//	TESTENV_TALLY=$PWD/tally go test -count=1 ./... ; go run ./internal/test/env/tally tally
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"ingestion/internal/test/env/servers"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: tally FILE (the value of TESTENV_TALLY during the tests)")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(1)
	}
	if line := totals(os.Getenv); line != "" {
		fmt.Println(line)
	}
}

// totals formats the counts that gotestsum passes to its post-run command;
// empty without them. Subtests count as tests.
func totals(getenv func(string) string) string {
	total, err := strconv.Atoi(getenv("TESTS_TOTAL"))
	if err != nil {
		return ""
	}
	failed, _ := strconv.Atoi(getenv("TESTS_FAILED"))
	skipped, _ := strconv.Atoi(getenv("TESTS_SKIPPED"))
	return fmt.Sprintf("%d passed, %d failed, %d skipped", total-failed-skipped, failed, skipped)
}

// run prints the summary of a file. If it does not exist, no test used a
// server, for instance because all results were cached.
func run(file string, out io.Writer) error {
	notes, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		_, err := fmt.Fprintln(out, "tests by server: no test used a server (go test -count=1 reruns cached tests)")
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
