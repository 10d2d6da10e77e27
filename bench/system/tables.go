package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// tables returns the results as Markdown.
func tables(all *results) string {
	var b strings.Builder
	if m := all.machine; m != nil {
		fmt.Fprintf(&b, "Measured on %s at commit %s: %s, %d cores, %s, %s, Redis %s.\n\n", m.Date, m.Commit, m.CPU, m.Cores, m.System, m.Go, m.Redis)
	}
	for _, part := range []func(*strings.Builder, *results){targetTable, speedTable, processTable, latencyTable, memorySentence} {
		part(&b, all)
	}
	return strings.TrimSpace(b.String()) + "\n"
}

func targetTable(b *strings.Builder, all *results) {
	fmt.Fprintln(b, "| target | wanted | measured | |\n|---|---|---|---|")
	for _, t := range targets {
		b.WriteString(t.row(all))
	}
	fmt.Fprintln(b)
}

func speedTable(b *strings.Builder, all *results) {
	fmt.Fprintln(b, "| scenario | runs | records | records/s | vs ceiling | worker CPU µs | Redis CPU µs | vs ceiling | peak RSS MiB |")
	fmt.Fprintln(b, "|---|---|---|---|---|---|---|---|---|")
	for _, name := range all.names {
		runs := all.runs[name]
		if kind := kindOf(name); kind == several || kind == other {
			continue
		}
		ceiling := ceilingOf(name)
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s | %.1f | %.1f | %s | %.0f |\n", name, len(runs), grouped(float64(runs[0].Records)),
			grouped(all.of(name, perSecond)), factor(all.ratio(name, ceiling, perSecond)), all.of(name, workerMicros),
			all.of(name, redisMicros), factor(all.ratio(name, ceiling, redisMicros)), all.of(name, peakRSS))
	}
	fmt.Fprintln(b)
}

// processTable compares several processes with one on the same keys. They are
// not compared with the ceiling, since their time is measured differently.
func processTable(b *strings.Builder, all *results) {
	if !slices.ContainsFunc(all.names, func(name string) bool { return kindOf(name) == several }) {
		return
	}
	fmt.Fprintln(b, "| processes | records/s | vs one process | CPU µs of all | Redis CPU µs | peak RSS MiB of one |\n|---|---|---|---|---|---|")
	for _, name := range all.names {
		if kindOf(name) != several {
			continue
		}
		one := name[:len(name)-1] + "1"
		fmt.Fprintf(b, "| %s | %s | %s | %.1f | %.1f | %.0f |\n", name, grouped(all.of(name, perSecond)),
			factor(all.ratio(name, one, perSecond)), all.of(name, workerMicros), all.of(name, redisMicros), all.of(name, peakRSS))
	}
	fmt.Fprintln(b)
}

func latencyTable(b *strings.Builder, all *results) {
	for _, name := range all.names {
		timed := all.runs[name]
		if timed[0].Latency == nil {
			continue
		}
		of := func(f func(*latency) float64) float64 {
			return all.of(name, func(r result) float64 { return f(r.Latency) })
		}
		row := func(from string, q func(*latency) quantiles) {
			fmt.Fprintf(b, "| %s | %.1f | %.1f | %.1f | %.1f |\n", from,
				of(func(l *latency) float64 { return q(l).P50 }), of(func(l *latency) float64 { return q(l).P99 }),
				of(func(l *latency) float64 { return q(l).P999 }), of(func(l *latency) float64 { return q(l).Max }))
		}
		fmt.Fprintf(b, "| %s, ms, median of %d runs | p50 | p99 | p99.9 | max |\n|---|---|---|---|---|\n", name, len(timed))
		row("from the XADD call", func(l *latency) quantiles { return l.FromXADD })
		row("from the due time", func(l *latency) quantiles { return l.FromDue })
		fmt.Fprintf(b, "\nSent more than %d ms late: %.0f of %s records per run, by at most %.1f ms.\n\n", lateAfter.Milliseconds(),
			of(func(l *latency) float64 { return float64(l.Late) }), grouped(float64(timed[0].Records)), of(func(l *latency) float64 { return l.LatestMs }))
	}
}

func memorySentence(b *strings.Builder, all *results) {
	var seen []float64
	runs := all.runs["backlog"]
	for _, r := range runs {
		if r.Memory != nil {
			seen = append(seen, r.Memory.MiB...)
		}
	}
	if len(seen) > 0 {
		fmt.Fprintf(b, "Resident memory in %d runs with a backlog of %s records: median %.0f MiB, maximum %.0f MiB; the plot shows the first run.\n\n",
			len(runs), grouped(float64(runs[0].Records)), median(seen), slices.Max(seen))
	}
}

// factor formats a ratio; NaN is empty.
func factor(value float64) string {
	if math.IsNaN(value) {
		return ""
	}
	return fmt.Sprintf("%.2f", value)
}

// grouped formats a number with thousands separators.
func grouped(value float64) string {
	digits := fmt.Sprintf("%.0f", value)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
