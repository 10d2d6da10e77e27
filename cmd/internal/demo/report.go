package demo

import (
	"fmt"
	"io"
	"text/tabwriter"

	"ingestion/record"
)

// report prints the table and says whether all counts agree.
func report(out io.Writer, want *counts, got *found, logPath string) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	agree := true
	row := func(name string, want int, places ...int) {
		mark := "ok"
		for _, n := range places {
			if n != want {
				mark, agree = "WRONG", false
			}
		}
		fmt.Fprintf(table, "%s\t%d\t", name, want)
		for _, n := range places {
			fmt.Fprintf(table, "%d\t", n)
		}
		for range 2 - len(places) {
			fmt.Fprint(table, "\t")
		}
		fmt.Fprintf(table, "%s\t\n", mark)
	}
	fmt.Fprintln(out)
	fmt.Fprintln(table, "outcome\texpected\tledger\tlog\t\t")
	refused := 0
	for _, outcome := range record.Outcomes() {
		row(outcome.String(), want.byOutcome[outcome], got.ledger[outcome], got.logged.byOutcome[outcome])
		if outcome.Refused() && outcome != record.RateLimited { // RATE_LIMIT_POLICY=drop
			refused += want.byOutcome[outcome]
		}
	}
	row("all", want.sent, sum(got.ledger), got.logged.sent)
	row("conflicts among duplicates", want.conflicts, got.logged.conflicts)
	row("documents in MongoDB", want.byOutcome[record.Ingested], got.documents)
	row("dead letters", refused, got.deadLetters)
	if err := table.Flush(); err != nil {
		return err
	}
	if !agree {
		fmt.Fprintf(out, "\nThe worker's log: %s\n", logPath)
		return ErrMismatch
	}
	fmt.Fprintf(out, `
Every record is accounted for. Where to look next:
  %s  one line a record: what became of it, and why
  make run       keep the service running and push records to it yourself
  docs/index.md  configuration, guarantees, operations
  examples/      the records that were sent
`, logPath)
	return nil
}

func sum(byOutcome map[record.Outcome]int) int {
	n := 0
	for _, k := range byOutcome {
		n += k
	}
	return n
}
