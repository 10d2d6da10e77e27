package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"ingestion/internal/letters"
	"ingestion/streams"
)

// A row fits the terminal, whatever the reason is and in whatever script.
func TestNarrowTable(t *testing.T) {
	var out bytes.Buffer
	table := letterTable{w: &out, columns: 80, header: true}
	body := `{"customerId":"` + strings.Repeat("é", 100) + `"}`
	for _, l := range []streams.DeadLetter{
		{ID: "1795477478417-0", Event: "validation_failed", Reason: "name: blank", StreamID: "1795477478410-0", Deliveries: 1, Data: body},
		{ID: "1795477478418-0", Event: "poisoned", Reason: "panic", Deliveries: 7},
	} {
		if err := table.print(letters.Letter{DeadLetter: l, Partition: 99, Name: "99:" + l.ID}); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("\n%s", out.String())
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 7 {
		t.Fatalf("%d lines, want 2 for the header and each row", len(lines)-1)
	}
	fits(t, lines)
	for i, words := range []string{"CUSTOMER", "REASON", "ééé…", "1 delivery, entry 1795477478410-0: name: blank", "poisoned           -", "7 deliveries, entry -: panic"} {
		if !strings.Contains(lines[i], words) {
			t.Errorf("line %d is %q, want %q in it", i+1, lines[i], words)
		}
	}
}

func fits(t *testing.T, lines []string) {
	t.Helper()
	for _, line := range lines {
		if n := ansi.StringWidth(line); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestALongReasonIsWrapped(t *testing.T) {
	for name, reason := range map[string]string{
		"words":      strings.Repeat("name: must not be blank; ", 10) + "the end",
		"one word":   strings.Repeat("x", 300) + " end",
		"wide":       strings.Repeat("顧客データ", 40) + " end",
		"with links": strings.Repeat("a-b/c-d ", 40) + "end",
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			table := letterTable{w: &out, columns: 80}
			l := streams.DeadLetter{ID: "1795477478417-0", Event: "validation_failed", Reason: reason, StreamID: "1795477478410-0", Deliveries: 1, Data: `{"customerId":"` + strings.Repeat("顧", 40) + `"}`}
			if err := table.print(letters.Letter{DeadLetter: l, Partition: 99, Name: "99:" + l.ID}); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			fits(t, lines)
			if len(lines) < 4 || !strings.HasSuffix(lines[len(lines)-1], "end") {
				t.Errorf("the reason is cut:\n%s", out.String())
			}
			for _, line := range lines[1:] {
				if !strings.HasPrefix(line, "    ") {
					t.Errorf("not indented: %q", line)
				}
			}
		})
	}
}

// Columns are as wide as a terminal shows them: a character of East Asia takes two, a
// combining mark none, and several code points may be one character.
func TestWideTableAlignsAnyScript(t *testing.T) {
	var out bytes.Buffer
	table := letterTable{w: &out, columns: 200, header: true}
	for _, customer := range []string{"42", "顧客データ", "ｱﾎﾟ", "한국어", "cafe\u0301-A\u030a", "ก็็็-ni\u0308", "👩\u200d🚀-👍🏽-🇯🇵", "e\u0301"} {
		l := streams.DeadLetter{ID: "1795477478417-0", Event: "rejected", Reason: "REASON", StreamID: "1795477478410-0", Deliveries: 1, Data: `{"customerId":"` + customer + `"}`}
		if err := table.print(letters.Letter{DeadLetter: l, Name: l.ID}); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("\n%s", out.String())
	want := 20 + 2 + 20 + 2 + 17 + 2 + 10 + 2 + 20 + 2 + 20 + 2
	for line := range strings.Lines(out.String()) {
		before, _, found := strings.Cut(line, "REASON")
		if got := ansi.StringWidth(before); !found || got != want {
			t.Errorf("the reason is in column %d, want %d: %s", got, want, line)
		}
	}
}

func TestTextIsWrappedByColumns(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		lines int
	}{
		"Latin": {strings.Repeat("word ", 20), 2}, "wide": {strings.Repeat("顧客 ", 20), 2}, "combining": {strings.Repeat("e\u0301\u0302 ", 30), 1},
	} {
		lines := wrapWords(strings.TrimSpace(c.text), 68)
		for _, line := range lines {
			if n := ansi.StringWidth(line); n > 68 {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
		if len(lines) != c.lines {
			t.Errorf("%s: %d lines, want %d: %q", name, len(lines), c.lines, lines)
		}
	}
}
