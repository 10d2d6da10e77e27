package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"ingestion/record"
	"ingestion/streams"
)

// writeTable prints the account for a person, the verdict last.
func (r *report) writeTable(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Account of %s, group %s, %s, epoch %d, at %s\n\n", r.stream, r.total.Group,
		counted(len(r.accounts), "partition"), r.total.Epoch, r.at.Format(time.RFC3339))
	if len(r.accounts) > 1 {
		r.partitions(&b)
	}
	r.counts(&b)
	r.checks(&b)
	for _, note := range r.notes {
		fmt.Fprintf(&b, "note: %v\n", note)
	}
	for _, loss := range r.losses {
		fmt.Fprintf(&b, "MISSING: %v\n", loss)
	}
	for _, fault := range r.faults {
		fmt.Fprintf(&b, "WRONG: %v\n", fault)
	}
	if len(r.notes)+len(r.losses)+len(r.faults) > 0 {
		fmt.Fprintln(&b)
	}
	fmt.Fprintln(&b, r.verdict)
	_, err := w.Write(b.Bytes())
	return err
}

func (r *report) partitions(b *bytes.Buffer) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  partition\tadded\tundelivered\tpending\tdelayed\tsettled\tdead letters\t")
	for _, a := range r.accounts {
		fmt.Fprintf(t, "  %s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n", a.Key, added(a), a.Undelivered, a.Pending, a.Delayed, a.Settled(), a.DeadKept, a.Verdict())
	}
	_ = t.Flush() // to a buffer
	fmt.Fprintln(b)
}

func added(a *streams.Account) string {
	if !a.Known {
		return "unknown"
	}
	return strconv.FormatInt(a.Added-a.Base, 10)
}

// counts lists where the entries are, those that were added first.
func (r *report) counts(b *bytes.Buffer) {
	a := r.total
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	row := func(name string, n any, remark string, args ...any) {
		fmt.Fprintf(t, "  %s\t%8v\t%s\n", name, n, fmt.Sprintf(remark, args...))
	}
	row("added", added(a), "")
	row("- undelivered", a.Undelivered, "%s", behind(r.accounts))
	row("- pending", a.Pending, "%s", waiting(r.accounts, r.at))
	for _, outcome := range record.Outcomes() {
		row("- "+outcome.String(), a.Outcomes[outcome], "")
	}
	row("- missing", a.Missing, "")
	row("delayed", a.Delayed, "%d returned to the stream", a.Returned)
	row("dead letters", a.DeadKept, "%d written, %d replayed, %d purged", a.DeadWritten, a.DeadReplayed, a.DeadPurged)
	row("on the stream", a.Length, "%d trimmed, %s gone", max(a.Trimmed, 0), gone(a))
	if d := r.documents; d != nil {
		row("documents", d.Count, "%s", expected(d))
	}
	_ = t.Flush()
	fmt.Fprintln(b)
}

func expected(d *streams.Documents) string {
	if d.Least == d.Most {
		return fmt.Sprintf("%d expected", d.Least)
	}
	return fmt.Sprintf("%d to %d expected", d.Least, d.Most)
}

func gone(a *streams.Account) string {
	if !a.Known {
		return "unknown how many"
	}
	return strconv.FormatInt(a.Gone(), 10)
}

// behind says how much earlier the last delivered entry came than the newest,
// in the partition where that is most.
func behind(accounts []*streams.Account) string {
	var most time.Duration
	for _, a := range accounts {
		if a.Undelivered > 0 && a.Behind() > most {
			most = a.Behind()
		}
	}
	if most == 0 {
		return ""
	}
	return fmt.Sprintf("the newest came %v after the last one delivered", most.Round(time.Second/10))
}

// waiting says how long ago the oldest pending entry came, of all partitions.
func waiting(accounts []*streams.Account, now time.Time) string {
	var longest time.Duration
	for _, a := range accounts {
		longest = max(longest, a.Waiting(now))
	}
	if longest == 0 {
		return ""
	}
	return fmt.Sprintf("the oldest came %v ago", longest.Round(time.Second/10))
}

// checks lists the equations with the sums of all partitions, and judges them by
// each, since differences could cancel out.
func (r *report) checks(b *bytes.Buffer) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for i, e := range r.total.Equations() {
		verdict := verdictOf(r.accounts, i)
		numbers := sides(e)
		if verdict == wrong && e.Holds() {
			numbers = "not in every partition"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", verdict, e.Formula, numbers)
	}
	if d := r.documents; d != nil {
		verdict := right
		if !d.Holds() {
			verdict = wrong
		}
		fmt.Fprintf(t, "  %s\tingested <= documents <= ingested + pending\t%d <= %d <= %d\n", verdict, d.Least, d.Count, d.Most)
	}
	_ = t.Flush()
	fmt.Fprintln(b)
}

const right, wrong, unknown = "OK", "WRONG", "UNKNOWN"

// verdictOf judges the nth equation over all partitions.
func verdictOf(accounts []*streams.Account, n int) string {
	verdict := right
	for _, a := range accounts {
		switch e := a.Equations()[n]; {
		case e.Difference() != 0:
			return wrong
		case !e.Known:
			verdict = unknown
		}
	}
	return verdict
}

func sides(e streams.Equation) string {
	switch {
	case !e.Known:
		return ""
	case e.Holds():
		return fmt.Sprintf("%d = %d", e.Left, e.Right)
	default:
		return fmt.Sprintf("%d and %d: off by %d", e.Left, e.Right, e.Difference())
	}
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
