package demo

import (
	"fmt"
	"io"
	"strings"

	"ingestion/record"
)

// report prints the table. It returns ErrMismatch if a count is wrong.
func report(out io.Writer, want *counts, got *observed, logPath string) error {
	var table strings.Builder
	agree := true
	line := func(name string, want, ledger, log any, verdict string) {
		row := fmt.Sprintf("%-27s  %8v  %8v  %8v  %s", name, want, ledger, log, verdict)
		table.WriteString(strings.TrimRight(row, " ") + "\n")
	}
	row := func(name string, want int, places ...int) {
		verdict := "ok"
		columns := [2]any{"", ""}
		for i, n := range places {
			columns[i] = n
			if n != want {
				verdict, agree = "WRONG", false
			}
		}
		line(name, want, columns[0], columns[1], verdict)
	}
	line("outcome", "expected", "ledger", "log", "")
	refused := 0
	for _, outcome := range record.Outcomes() {
		row(outcome.String(), want.byOutcome[outcome], got.ledger[outcome], got.logged.byOutcome[outcome])
		if outcome.Refused() && outcome != record.RateLimited { // by default, those are dropped
			refused += want.byOutcome[outcome]
		}
	}
	row("all", want.sent, sum(got.ledger), got.logged.sent)
	line("", "expected", "found", "", "")
	row("documents in MongoDB", want.byOutcome[record.Ingested], got.documents)
	row("dead letters", refused, got.deadLetters)
	row("conflicts among duplicates", want.conflicts, got.logged.conflicts)
	fmt.Fprintf(out, "\n%s\n", table.String())
	if !agree {
		fmt.Fprintf(out, "The worker's log is %s\n", logPath)
		return ErrMismatch
	}
	_, err := fmt.Fprintf(out, `Every record is accounted for. What to look at next:

  the outcome of each record   %s
  the records that were sent   examples/
  your own records             make run
  settings and guarantees      docs/index.md
`, logPath)
	return err
}

func sum(byOutcome map[record.Outcome]int) int {
	n := 0
	for _, k := range byOutcome {
		n += k
	}
	return n
}
