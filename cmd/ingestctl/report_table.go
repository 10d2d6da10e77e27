package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"ingestion/internal/plural"
	"ingestion/record"
	"ingestion/streams"
)

// writeTable writes the account as text, with the verdict last.
func (r *report) writeTable(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Account of %s, group %s, %s, epoch %d, at %s\n\n", r.stream, r.total.Group,
		plural.Of(len(r.accounts), "partition", "partitions"), r.total.Epoch, r.at.Format(time.RFC3339))
	if len(r.accounts) > 1 {
		r.writePartitions(&b)
	}
	r.writeCounts(&b)
	r.writeChecks(&b)
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

func (r *report) writePartitions(b *bytes.Buffer) {
	width := len("partition")
	for _, a := range r.accounts {
		width = max(width, len(a.Key))
	}
	row := func(key string, verdict any, numbers ...any) {
		fmt.Fprintf(b, "  %-*s  %8v  %11v  %8v  %8v  %8v  %12v  %v\n", append(append([]any{width, key}, numbers...), verdict)...)
	}
	row("partition", "account", "added", "undelivered", "pending", "delayed", "settled", "dead letters")
	for _, a := range r.accounts {
		row(a.Key, a.Verdict(), numberOf(a.Known, a.Added-a.Base), a.Undelivered, numberOf(a.GroupThere, a.Pending), a.Delayed, numberOf(a.Opened(), a.Settled()), a.DeadKept)
	}
	fmt.Fprintln(b)
}

func numberOf(known bool, n int64) string {
	if !known {
		return "unknown"
	}
	return strconv.FormatInt(n, 10)
}

// writeCounts lists how many entries were added and where they are now.
func (r *report) writeCounts(b *bytes.Buffer) {
	a := r.total
	row := func(name string, n any, remark string) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("  %-19s  %9v  %s", name, n, remark), " ") + "\n")
	}
	row("added", numberOf(a.Known, a.Added-a.Base), "")
	row("- undelivered", a.Undelivered, backlogAge(r.accounts))
	row("- pending", numberOf(a.GroupThere, a.Pending), pendingAge(r.accounts, r.at))
	for _, outcome := range record.Outcomes() {
		row("- "+outcome.String(), numberOf(a.Opened(), a.Outcomes[outcome]), "")
	}
	row("- missing", numberOf(a.Opened(), a.Missing), "")
	if a.Moved > 0 {
		row("- moved to a list", numberOf(a.Opened(), a.Moved), "")
	}
	if a.Opened() {
		row("delayed", a.Delayed, fmt.Sprintf("%d returned to the stream", a.Returned))
		row("dead letters", a.DeadKept, fmt.Sprintf("%d written, %d replayed, %d purged", a.DeadWritten, a.DeadReplayed, a.DeadPurged))
		row("on the stream", a.Length, fmt.Sprintf("%d trimmed, %s gone", max(a.Trimmed, 0), gone(a)))
	} else {
		row("delayed", a.Delayed, "unknown how many returned to the stream")
		row("dead letters", a.DeadKept, "unknown how many written, replayed, purged")
		row("on the stream", a.Length, "unknown how many trimmed, gone")
	}
	if d := r.documents; d != nil {
		row("documents", d.Count, expected(d))
	}
	if q := r.queued; q != nil {
		row("queued", q.Count, fmt.Sprintf("%d on the stream, %d trimmed, %d lost", q.There, q.Trimmed, len(q.Lost)))
	}
	fmt.Fprintln(b)
}

func expected(d *streams.Documents) string {
	if !d.Known {
		return "unknown how many expected"
	}
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

// backlogAge says how far, in time of arrival, the last delivered entry is behind
// the newest one, in the partition where this is most.
func backlogAge(accounts []*streams.Account) string {
	var most time.Duration
	for _, a := range accounts {
		if a.Undelivered > 0 {
			most = max(most, a.Behind())
		}
	}
	if most == 0 {
		return ""
	}
	return fmt.Sprintf("the newest arrived %v after the last one delivered", most.Round(time.Second/10))
}

// pendingAge says how long ago the oldest pending entry of all partitions arrived.
func pendingAge(accounts []*streams.Account, now time.Time) string {
	var longest time.Duration
	for _, a := range accounts {
		longest = max(longest, a.Waiting(now))
	}
	if longest == 0 {
		return ""
	}
	return fmt.Sprintf("the oldest arrived %v ago", longest.Round(time.Second/10))
}

// writeChecks lists the equations with the sums of all partitions. The verdict on
// each is the partitions', since differences may cancel out in a sum.
func (r *report) writeChecks(b *bytes.Buffer) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for i, e := range r.total.Equations() {
		verdict := verdictOf(r.accounts, i)
		numbers := sides(e)
		if verdict == wrong && e.Holds() {
			numbers = "not in every partition"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", verdict, e.Formula, cmp.Or(numbers, "-"))
	}
	if d := r.documents; d != nil {
		verdict, numbers := right, fmt.Sprintf("%d <= %d <= %d", d.Least, d.Count, d.Most)
		switch {
		case !d.Known:
			verdict, numbers = unknown, "-"
		case !d.Holds():
			verdict = wrong
		}
		fmt.Fprintf(t, "  %s\tingested <= documents <= ingested + pending + missing + poisoned\t%s\n", verdict, numbers)
	}
	_ = t.Flush() // a buffer takes every write
	fmt.Fprintln(b)
}

const right, wrong, unknown = "OK", "WRONG", "UNKNOWN"

// verdictOf returns the verdict on the i-th equation over all partitions.
func verdictOf(accounts []*streams.Account, i int) string {
	verdict := right
	for _, a := range accounts {
		switch e := a.Equations()[i]; {
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
