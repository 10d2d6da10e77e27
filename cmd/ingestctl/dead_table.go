package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"ingestion/internal/letters"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
	"ingestion/streams"
)

// letterTable prints dead letters as a table. On a terminal that is too narrow for
// all columns, a row has two lines or more.
type letterTable struct {
	w       io.Writer
	columns int  // of the terminal; 0 if it is none
	header  bool // print one before the first row
}

// wideTable is how many columns a terminal needs for a row with an average reason.
const wideTable = 160

// The widths fit the IDs of less than 100 partitions. The reason is last, since it
// has spaces; a narrow row fits into 80 columns up to there.
const (
	ids             = 20
	events          = 17
	counts          = 10
	customers       = 20
	narrowCustomers = 17 // in a narrow row
)

func (t *letterTable) print(l letters.Letter) error {
	if t.header {
		t.header = false
		if err := t.printHeader(); err != nil {
			return err
		}
	}
	at := l.Written().Format(time.RFC3339)
	name, event, entry, customer, reason := l.Name, column(l.Event), column(firstID(&l.DeadLetter)), column(letters.CustomerOf(&l.DeadLetter)), logging.Printable(reasonOf(&l.DeadLetter))
	if !t.narrow() {
		return t.wideRow(name, at, event, strconv.FormatInt(l.Deliveries, 10), entry, customer, reason)
	}
	const indent = "    "
	rest := fmt.Sprintf("%s, entry %s: %s", plural.Of(l.Deliveries, "delivery", "deliveries"), entry, reason)
	rest = strings.ReplaceAll(ansi.Wrap(rest, max(1, t.columns-len(indent)), " "), "\n", "\n"+indent)
	return t.narrowRow(name, at, event, shortened(customer, narrowCustomers), indent+rest)
}

func (t *letterTable) wideRow(name, at, event, deliveries, entry, customer, reason string) error {
	_, err := fmt.Fprintf(t.w, "%s  %s  %s  %*s  %s  %s  %s\n", padded(name, ids), padded(at, ids), padded(event, events), counts, deliveries,
		padded(entry, ids), padded(customer, customers), reason)
	return err
}

func (t *letterTable) narrowRow(name, at, event, customer, rest string) error {
	_, err := fmt.Fprintf(t.w, "%s  %s  %s  %s\n%s\n", padded(name, ids), padded(at, ids), padded(event, events), customer, rest)
	return err
}

// padded fills a text up to so many columns of a terminal.
func padded(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-ansi.StringWidth(text)))
}

func (t *letterTable) narrow() bool { return 0 < t.columns && t.columns < wideTable }

func (t *letterTable) printHeader() error {
	if t.narrow() {
		return t.narrowRow("ID", "WRITTEN", "EVENT", "CUSTOMER", "    DELIVERIES, ENTRY: REASON")
	}
	return t.wideRow("ID", "WRITTEN", "EVENT", "DELIVERIES", "ENTRY", "CUSTOMER", "REASON")
}

// column returns a text that is safe to print, and never empty: programs that split
// a row at its spaces count on that.
func column(text string) string { return cmp.Or(logging.Printable(text), "-") }

func shortened(text string, columns int) string { return ansi.Truncate(text, columns, "…") }

// reasonOf is the reason, after the file and line if the producer gave them.
func reasonOf(l *streams.DeadLetter) string {
	if l.Source == "" {
		return l.Reason
	}
	return l.Source + ": " + l.Reason
}

func firstID(l *streams.DeadLetter) string {
	if l.Origin != "" {
		return l.Origin
	}
	return l.StreamID
}
