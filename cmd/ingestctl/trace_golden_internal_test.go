package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"

	"ingestion/internal/inspect"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
)

var updateTrace = flag.Bool("update-trace", false, "write the golden files of trace and limits")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	for line := range strings.Lines(string(got)) {
		if n := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%s: %d columns: %s", name, n, line)
		}
	}
	path := filepath.Join("testdata", name+".txt")
	if *updateTrace {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, got, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

var tenth = time.Date(2026, 3, 10, 12, 0, 0, 123e6, time.UTC)

func goldenWay() *inspect.Way {
	return &inspect.Way{
		EntryID: "1773144000123-0", Key: "ingest:stream:2", Partition: 2, State: inspect.StatePending, Certainty: inspect.Certain, CustomerID: "客户 \x1b[2J " + strings.Repeat("x", 70),
		Record: &record.Record{ID: strings.Repeat("0123456789abcdef", 4), CustomerID: "42", Name: "Ada Lovelace", Email: "ada@lovelace.org", CreatedAt: tenth},
		Source: "customers.csv:12", Origin: "1773143000123-0",
		Steps: []inspect.Step{
			{At: tenth.Add(-time.Hour), Place: "ingest:stream:2", Text: "arrived as 1773143000123-0", Evidence: "the note in {ingest:stream:2}:returns", Certainty: inspect.Certain},
			{At: tenth, State: inspect.StateReturned, Text: "it had been deferred, and came back when its place was due, as entry 1773144000123-0", Evidence: "the note", Certainty: inspect.Likely},
			{State: inspect.StatePending, Text: "held by " + strings.Repeat("long-name-", 9) + " after 3 deliveries", Evidence: "the pending list of group g", Certainty: inspect.Certain},
		},
		Slot:     &inspect.Slot{Limit: limiter.Limit{Records: 5, Window: time.Minute}, Own: true, At: tenth, Number: 5, Exact: true, Places: 9},
		Document: &store.Stored{ID: "x", Name: "Grace Hopper", StreamID: "1773140000000-0", IngestedAt: tenth},
	}
}

func TestTracePages(t *testing.T) {
	way := &tracePage{several: true}
	way.way(&inspect.Trace{Collection: "crm.people"}, goldenWay())
	golden(t, "trace-way", way.Bytes())

	revealed := &tracePage{reveal: true}
	revealed.way(&inspect.Trace{Collection: "crm.people"}, goldenWay())
	for _, secret := range []string{"Lovelace", "ada@", "Hopper"} {
		if bytes.Contains(way.Bytes(), []byte(secret)) || !bytes.Contains(revealed.Bytes(), []byte(secret)) {
			t.Errorf("%q is shown without --reveal, or not shown with it", secret)
		}
	}

	tr := &inspect.Trace{At: tenth, CustomerID: "42", Email: "ada@lovelace.org", Matches: 1234567, Window: &limiter.Window{Limit: limiter.Limit{Records: 5, Window: time.Minute}}, DocumentsErr: errors.New("no answer after 5s; no index begins with customerId, so MongoDB has to read the whole collection")}
	for i, state := range []inspect.State{inspect.StateUndelivered, inspect.StateQuarantined, inspect.StateDead, inspect.StateDuplicate, inspect.StateDropped} {
		w := goldenWay()
		w.State, w.Outcome, w.Conflict = state, record.Invalid, state == inspect.StateDuplicate
		if i > 2 {
			w.Certainty = inspect.Likely
		}
		tr.Ways = append(tr.Ways, w)
	}
	tr.Looked = []inspect.Looked{
		{Place: "ingest:stream:2", Seen: 100_000, Total: 10_000_000, Back: tenth.Add(-24 * time.Hour)},
		{Place: "{ingest:stream:2}:dead", Seen: 7, Total: 7}, {Place: "ingest:stream:0", Total: 12, Interrupted: true}, {Place: "{ingest:stream:2}:delayed"},
	}
	table := &tracePage{several: true}
	table.customer(tr)
	table.coverage(tr)
	golden(t, "trace-customer", table.Bytes())
}

func goldenWindow(limit limiter.Limit, ats ...time.Duration) *inspect.CustomerWindow {
	w := &limiter.Window{CustomerID: "42", Now: tenth.UnixMilli(), Limit: limit, Places: len(ats)}
	for i, at := range ats {
		w.Around = append(w.Around, limiter.Place{Member: strings.Repeat(string(rune('a'+i)), 64), At: tenth.Add(at).UnixMilli()})
	}
	c := &inspect.CustomerWindow{Window: w, Exact: true}
	c.InWindow, _ = w.Count(w.Now-limit.Window.Milliseconds()+1, w.Now+1)
	c.Ahead, _ = w.Count(w.Now+1, 1<<62)
	c.Verdict, c.Known = w.Verdict(w.Now)
	return c
}

func TestLimitsPages(t *testing.T) {
	five := limiter.Limit{Records: 5, Window: time.Minute}
	full := goldenWindow(five, -110*time.Second, -50*time.Second, -50*time.Second, -49*time.Second, -20*time.Second, 0, 10*time.Second, 200*time.Second)
	full.Refusals = []time.Time{tenth, tenth.Add(-time.Second)}
	full.Looked = inspect.Looked{Place: "{s}:dead", Seen: 2000, Total: 12345, Back: tenth.Add(-time.Hour)}
	full.Lately = &inspect.Lately{AtLeast: 1_234_000, AtMost: 1_234_567}
	golden(t, "limits-show", windowPage(full))
	empty := goldenWindow(five)
	empty.Lately = &inspect.Lately{}
	golden(t, "limits-show-empty", windowPage(empty))
	blocked := goldenWindow(limiter.Limit{Mode: limiter.Block}, -time.Second)
	blocked.LatelyErr = errors.New("reading the customers most refused: no answer in time")
	golden(t, "limits-show-block", windowPage(blocked))

	sim := &inspect.Simulation{
		At: tenth, CustomerID: "42", Arrivals: 1_234_567, Invalid: 1, PutBack: 2, From: tenth.Add(-time.Hour), To: tenth,
		Then:   inspect.Tally{Limit: limiter.Limit{Records: 1_000_000, Window: limiter.MaxWindow}, Admitted: 1_234_567},
		Now:    inspect.Tally{Limit: five, Admitted: 300, Refused: 1_000_000, Deferred: 234_267, LongestDelay: 59*time.Minute + 59*time.Second},
		Actual: inspect.Actual{IngestedErr: errors.New("only the first 10000 documents of the customer were looked at"), Refused: 4},
		Looked: []inspect.Looked{{Place: "s", Seen: 5_000_000, Total: 10_000_000, Back: tenth.Add(-time.Hour)}},
	}
	golden(t, "limits-simulate", simulationPage(sim, "defer"))
	golden(t, "limits-list", limitTable([]inspect.CustomerLimit{
		{CustomerID: strings.Repeat("客", 40), Own: "1000000/2678400"}, {CustomerID: "a\x1b", Own: strings.Repeat("9", 64), Fault: errors.New("x")}, {CustomerID: "b", Own: "5/60", Misplaced: true},
	}, 12345, five))
}
