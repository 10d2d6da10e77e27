package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// event is a line of go test -json, see `go doc test2json`.
type event struct {
	Action     string
	Package    string
	ImportPath string // of a build event
	Test       string // empty: of the package as a whole
	Elapsed    float64
	Output     string
}

// source is what an event is about.
type source struct{ pkg, test string }

// report counts results and keeps the output of what still runs, since only
// that of failures is shown.
type report struct {
	out     io.Writer
	verbose bool

	output                  map[source][]string
	passed, failed, skipped int
	failures                []string       // in the order in which they ended
	failedIn                map[string]int // by package
	skips                   map[string]int // by reason
}

func newReport(out io.Writer, verbose bool) *report {
	return &report{out: out, verbose: verbose,
		output: map[source][]string{}, failedIn: map[string]int{}, skips: map[string]int{}}
}

// read takes the events of a whole run.
func (r *report) read(events io.Reader) error {
	lines := json.NewDecoder(events)
	for {
		var e event
		err := lines.Decode(&e)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			_, _ = io.Copy(r.out, lines.Buffered())
			_, _ = io.Copy(r.out, events) // lets go test end
			return fmt.Errorf("go test wrote something that is no event: %w", err)
		}
		r.take(e)
	}
}

func (r *report) take(e event) {
	from := source{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		if r.verbose {
			fmt.Fprint(r.out, e.Output)
		} else {
			r.output[from] = append(r.output[from], e.Output)
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(e)
		}
		delete(r.output, from)
	}
}

func (r *report) endTest(e event) {
	switch e.Action {
	case "pass":
		r.passed++
	case "skip":
		r.skipped++
		r.skips[reason(r.output[source{e.Package, e.Test}])]++
	case "fail":
		r.fail(e.Package, e.Package+" "+e.Test)
		r.show(e)
	}
}

// endPackage ends a package's tests. One that fails without a test to blame,
// for instance since it does not compile, is a failure of its own.
func (r *report) endPackage(e event) {
	switch e.Action {
	case "pass":
		fmt.Fprintf(r.out, "ok    %7.2fs  %s\n", e.Elapsed, e.Package)
	case "fail":
		if r.failedIn[e.Package] == 0 {
			r.fail(e.Package, e.Package)
		}
		r.show(e)
		fmt.Fprintf(r.out, "FAIL  %7.2fs  %s\n", e.Elapsed, e.Package)
	}
}

func (r *report) fail(pkg, name string) {
	r.failed++
	r.failedIn[pkg]++
	r.failures = append(r.failures, name)
}

func (r *report) show(e event) {
	for _, line := range r.output[source{e.Package, e.Test}] {
		fmt.Fprint(r.out, line)
	}
}

// place is what testing puts before a message: file and line.
var place = regexp.MustCompile(`^\s+\S+\.go:\d+: `)

// reason is the last message of a skipped test.
func reason(output []string) string {
	for _, line := range slices.Backward(output) {
		if at := place.FindString(line); at != "" {
			return strings.TrimSpace(line[len(at):])
		}
	}
	return "without a reason"
}

// list names what failed and why tests were skipped.
func (r *report) list() {
	for _, name := range r.failures {
		fmt.Fprintf(r.out, "failed: %s\n", name)
	}
	for _, reason := range slices.Sorted(maps.Keys(r.skips)) {
		fmt.Fprintf(r.out, "skipped: %d, %s\n", r.skips[reason], reason)
	}
}

// totals is the closing line. Subtests count as tests.
func (r *report) totals() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", r.passed, r.failed, r.skipped)
}
