// Command testrun runs go test and ends with an account: which servers the
// tests ran on, and on a line of its own how many passed, failed and were
// skipped. Flags and packages are go test's own:
//
//	go run ./internal/test/run -race ./...
//
// It prints a line a package and the output of what fails; with -v, all
// output. The exit code is 0 only if go test's is.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"ingestion/internal/test/env/servers"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	dir, err := os.MkdirTemp("", "testrun-")
	if err != nil {
		return fmt.Errorf("no place for the account of servers, set TMPDIR to a folder that can be written: %w", err)
	}
	defer os.RemoveAll(dir)
	notes := filepath.Join(dir, "servers")
	results := newReport(stdout, slices.Contains(args, "-v"))
	failure := goTest(args, notes, results, stderr)
	results.list()
	line, err := byServer(notes)
	if err == nil {
		fmt.Fprintf(stdout, "%s\n%s\n", line, results.totals())
	}
	return errors.Join(failure, err)
}

// goTest feeds the events of a test run into results. Where the tests leave
// word of their servers is named by the variable that testenv reads.
func goTest(args []string, notes string, results *report, stderr io.Writer) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Env = append(os.Environ(), "TESTENV_TALLY="+notes)
	cmd.Stderr = stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("go test can't be started, see that go is in PATH: %w", err)
	}
	readErr := results.read(events)
	if err := cmd.Wait(); err != nil {
		return errors.Join(fmt.Errorf("go test: %w", err), readErr)
	}
	return readErr
}

func byServer(notes string) (string, error) {
	file, err := os.Open(notes)
	if errors.Is(err, fs.ErrNotExist) {
		return "tests by server: no test used one", nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	return servers.Summary(file)
}
