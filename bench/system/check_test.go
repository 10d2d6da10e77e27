package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ingestion/record"
)

const checked = 50_000 // records

// without returns the counts with one record of an outcome missing.
func without(all counts, o record.Outcome) counts {
	less := maps.Clone(all)
	less[o]--
	return less
}

func TestVerify(t *testing.T) {
	want := made(checked)
	warnings := maps.Clone(want)
	delete(warnings, record.Ingested)
	good := want[record.Ingested]
	for _, c := range []struct {
		scenario, complaint string // empty: no error
		left                traces
	}{
		{"ceiling", "", traces{documents: checked}},
		{"ceiling", "documents", traces{documents: good}},
		{"ferret-ceiling", "documents", traces{}},
		{"stream", "", traces{ledger: want, lines: want, documents: good}},
		{"stream", "documents", traces{ledger: want, lines: want, documents: good + 1}},
		{"stream", "ledger", traces{ledger: without(want, record.Duplicate), lines: want, documents: good}},
		{"stream", "ledger", traces{ledger: without(want, record.Poisoned), lines: want, documents: good}},
		{"stream", "log", traces{ledger: want, lines: without(want, record.Ingested), documents: good}},
		{"stream-quiet", "", traces{ledger: want, lines: warnings, documents: good}},
		{"stream-quiet", "log", traces{ledger: want, lines: want, documents: good}},
		{"partitions-4-processes-2", "log", traces{ledger: want, lines: without(warnings, record.Malformed), documents: good}},
		{"list", "", traces{lines: want, documents: good}},
		{"ferret-list", "documents", traces{lines: want}},
		{"list-quiet", "log", traces{lines: counts{}, documents: good}},
	} {
		err := c.left.verify(chosen([]string{c.scenario})[0], want)
		if (err == nil) != (c.complaint == "") || err != nil && !strings.Contains(err.Error(), c.complaint) {
			t.Errorf("%s, %+v: %v, want %q", c.scenario, c.left, err, c.complaint)
		}
	}
}

func TestLinesOfAllProcesses(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"log.0": `{"level":"INFO","event":"started"}` + "\n" + `{"level":"INFO","event":"ingested","customerId":"duplicate"}` + "\n",
		"log.1": `{"event":"ingested"}` + "\n" + `{"event":"duplicate"}` + "\n" + `{"event":"parse_error"}` + "\nnot a line of the worker\n",
		"other": `{"event":"ingested"}` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := linesOf(filepath.Join(dir, "log"))
	want := counts{record.Ingested: 2, record.Duplicate: 1, record.Malformed: 1}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}
