package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The machine became twice as fast in the second round, and the ratio did not
// change: a ratio of medians would.
const twoRounds = `{"machine":{"date":"2026-01-01","cores":2}}
{"scenario":"ceiling","records":10,"recordsPerSecond":100,"redisCPUMicrosPerRecord":10}
{"scenario":"stream","records":10,"recordsPerSecond":75,"workerCPUMicrosPerRecord":9,"redisCPUMicrosPerRecord":11}
{"scenario":"ceiling","records":10,"recordsPerSecond":200,"redisCPUMicrosPerRecord":5}
{"scenario":"stream","records":10,"recordsPerSecond":150,"workerCPUMicrosPerRecord":7,"redisCPUMicrosPerRecord":6}
{"scenario":"list","records":10,"recordsPerSecond":59}
{"scenario":"list","records":10,"recordsPerSecond":119}
{"scenario":"ceiling-gogc-100","records":10,"recordsPerSecond":96}
{"scenario":"ceiling-gogc-100","records":10,"recordsPerSecond":192}
{"scenario":"ferret-ceiling","records":5,"recordsPerSecond":50}
{"scenario":"ferret-stream","records":5,"recordsPerSecond":48}
{"scenario":"latency at 1000/s","records":20,"latency":{"fromXADD":{"p99":10.4}}}
{"scenario":"backlog","records":1000,"recordsPerSecond":70,"peakRSSMiB":64,"memory":{"stepMillis":100,"mib":[20,31,22]}}
`

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRatiosWithinARound(t *testing.T) {
	var out strings.Builder
	if err := report(&out, write(t, "r.jsonl", twoRounds), reportOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| stream | 2 | 10 | 112 | 0.75 | 8.0 | 8.5 | 1.15 | 0 |",
		"| records/s vs ceiling, log to a file | ≥ 0.70 | 0.75 | met |",
		"| worker CPU µs per record, log to a file | ≤ 8.0 | 8.0 | met |",
		"| records/s vs ceiling, LOG_LEVEL=WARN | ≥ 0.80 |  | not measured |",
		"| records/s of a list vs stream, log to a file | ≥ 0.80 | 0.79 | **missed** |",
		"| records/s vs ceiling, FerretDB | ≥ 0.95 | 0.96 | met |",
		"| p99 from the XADD call at 1,000 records/s, ms | ≤ 10.0 | 10.4 | **missed** |",
		"| peak RSS with a large backlog, MiB | ≤ 64.0 | 64.0 | met |",
		"| ceiling-gogc-100 | 2 | 10 | 144 | 0.96 |",
		"median 22 MiB, maximum 31 MiB",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestReportInsertsTables(t *testing.T) {
	results := write(t, "r.jsonl", twoRounds)
	page := write(t, "page.md", "before\n"+beginMark+"old\n"+endMark+"after\n")
	opts := reportOptions{into: page, plots: filepath.Dir(page)}
	var once string
	for range 2 {
		if err := report(nil, results, opts); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		s := string(text)
		if !strings.HasPrefix(s, "before\n"+beginMark) || !strings.HasSuffix(s, endMark+"after\n") || strings.Contains(s, "old") {
			t.Fatalf("the page has become\n%s", s)
		}
		if once != "" && once != s {
			t.Errorf("another page the second time:\n%s", s)
		}
		once = s
	}
	for _, plot := range []string{barsFile, memoryFile} {
		if text, err := os.ReadFile(filepath.Join(opts.plots, plot)); err != nil || !strings.HasSuffix(string(text), "</svg>\n") || strings.Contains(string(text), "NaN") {
			t.Errorf("%s (%v): %s", plot, err, text)
		}
	}
}

func TestReportNeedsMarks(t *testing.T) {
	page := write(t, "page.md", "before\n")
	if err := report(nil, write(t, "r.jsonl", twoRounds), reportOptions{into: page}); err == nil {
		t.Error("no error")
	}
}
