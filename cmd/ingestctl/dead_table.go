package main

import (
	"cmp"
	"fmt"
	"io"
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
	wideRow   = "%-20s  %-20s  %-17s  %10v  %-20s  %-20s  %s\n"
	narrowRow = "%-20s  %-20s  %-17s  %s\n"
	customers = 17 // columns of a customerId in a narrow row
)

func (t *letterTable) print(l letters.Letter) error {
	if t.header {
		t.header = false
		if err := t.printHeader(); err != nil {
			return err
		}
	}
	at := l.Written().Format(time.RFC3339)
	event, entry, customer, reason := column(l.Event), column(firstID(&l.DeadLetter)), column(letters.CustomerOf(&l.DeadLetter)), logging.Printable(reasonOf(&l.DeadLetter))
	if !t.narrow() {
		_, err := fmt.Fprintf(t.w, wideRow, l.Name, at, event, l.Deliveries, entry, customer, reason)
		return err
	}
	const indent = "    "
	rest := fmt.Sprintf("%s, entry %s: %s", plural.Of(l.Deliveries, "delivery", "deliveries"), entry, reason)
	rest = strings.ReplaceAll(ansi.Wrap(rest, max(1, t.columns-len(indent)), " "), "\n", "\n"+indent)
	_, err := fmt.Fprintf(t.w, narrowRow+indent+"%s\n", l.Name, at, event, shortened(customer, customers), rest)
	return err
}

func (t *letterTable) narrow() bool { return 0 < t.columns && t.columns < wideTable }

func (t *letterTable) printHeader() (err error) {
	if t.narrow() {
		_, err = fmt.Fprintf(t.w, narrowRow+"    DELIVERIES, ENTRY: REASON\n", "ID", "WRITTEN", "EVENT", "CUSTOMER")
		return err
	}
	_, err = fmt.Fprintf(t.w, wideRow, "ID", "WRITTEN", "EVENT", "DELIVERIES", "ENTRY", "CUSTOMER", "REASON")
	return err
}

// column returns a text that is safe to print, and never empty: programs that split
// a row at its spaces count on that.
func column(text string) string { return cmp.Or(logging.Printable(text), "-") }

func shortened(text string, limit int) string {
	return ansi.Truncate(text, limit, "…")
}

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
