package sheet_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"ingestion/cmd/ingestctl/internal/sheet"
	"ingestion/internal/inspect"
	"ingestion/record"
	"ingestion/streams"
)

// row is the line of a text that begins with a name.
func row(t *testing.T, text, name string) string {
	t.Helper()
	for line := range strings.Lines(ansi.Strip(text)) {
		if strings.HasPrefix(line, name+" ") {
			return strings.TrimSuffix(line, "\n")
		}
	}
	t.Fatalf("no line begins with %q:\n%s", name, text)
	return ""
}

// Entries that migrate has moved to a list are part of the sum.
func TestMovedEntriesAreInTheBalance(t *testing.T) {
	p := partition("s", 10, 0, 0)
	p.Added, p.Moved = 15, 5
	if got := strings.Fields(row(t, sheet.New(state(p), inspect.Limits{}).Balance(), "moved")); len(got) < 2 || got[1] != "5" {
		t.Errorf("%q", got)
	}
	if text := sheet.New(state(partition("s", 10, 0, 0)), inspect.Limits{}).Balance(); strings.Contains(text, "moved") {
		t.Errorf("a row for what never happened:\n%s", text)
	}
}

// What a worker holds in a partition that cannot be read is unknown, and so is the sum.
func TestWhatAWorkerHoldsInAllIsUnknown(t *testing.T) {
	s := many(2)
	s.Partitions[1] = inspect.Partition{Key: "ingest:stream:1", Err: errors.New("WRONGTYPE")}
	sh := sheet.New(s, inspect.Limits{})
	const name = "ingest-5d9f7c4b8-x0-1-9f3c2a10"
	for _, text := range []string{sh.Workers(3), sh.Consumers()} {
		if got := strings.Fields(row(t, text, name)); got[2] != "unknown" {
			t.Errorf("%q", got)
		}
	}
}

// Deferred records hit the limit as well as those that are refused for it.
func TestTheLastHourNamesBothEffectsOfTheLimit(t *testing.T) {
	s := state(partition("s", 10, 0, 0))
	s.History.Periods = []streams.Period{{Start: now, Outcomes: map[record.Outcome]int64{record.Ingested: 4, record.Deferred: 6, record.RateLimited: 2, record.Invalid: 1}}}
	text := ansi.Strip(sheet.New(s, inspect.Limits{}).Past())
	for _, words := range []string{"13 settled, 13 a minute; 1 faulty", "OVER LIMIT    2 refused, 6 deferred in the last hour"} {
		if !strings.Contains(text, words) {
			t.Errorf("%q is missing in:\n%s", words, text)
		}
	}
}

// Names in scripts whose characters take two columns fit as well.
func TestWideCharactersFit(t *testing.T) {
	wide := strings.Repeat("顧客データ", 20)
	p := partition(wide, 10, 3, 4)
	for _, name := range []string{wide, "a" + wide, "👩‍💻" + wide} {
		reads(p, name, 3, time.Second)
	}
	s := state(p, partition("a"+wide, 10, 3, 4))
	s.Source.Group, s.Control = wide, inspect.Control{Active: true, Control: streams.Control{Paused: true, By: wide}}
	s.Refused.Customers = []streams.Refusals{{CustomerID: wide, Count: 2}, {CustomerID: "a" + wide, Count: 1}}
	sh := sheet.New(s, inspect.Limits{})
	letters := inspect.Letters{Letters: []inspect.Letter{{DeadLetter: streams.DeadLetter{ID: ago(time.Minute), Event: "validation_failed", Reason: wide}, CustomerID: wide}}}
	for line := range strings.Lines(ansi.Strip(sh.Text(0) + "\n" + sh.Consumers() + "\n" + sh.Customers() + "\n" + sh.Letters(letters))) {
		if width := ansi.StringWidth(strings.TrimSuffix(line, "\n")); width > sheet.Width {
			t.Errorf("%d columns: %s", width, line)
		}
	}
}
