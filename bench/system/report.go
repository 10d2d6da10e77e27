package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// report prints the medians of the results, in the order in which the
// scenarios come first.
func report(out io.Writer, files []string, svg string) error {
	runs := map[string][]result{}
	var names []string
	for _, file := range files {
		if err := readResults(file, func(r result) {
			if runs[r.Scenario] == nil {
				names = append(names, r.Scenario)
			}
			runs[r.Scenario] = append(runs[r.Scenario], r)
		}); err != nil {
			return err
		}
	}
	medians := make([]result, len(names))
	for i, name := range names {
		medians[i] = median(runs[name])
	}
	table(out, medians, runs)
	if svg == "" {
		return nil
	}
	return os.WriteFile(svg, []byte(plot(medians)), 0o644)
}

func readResults(file string, take func(result)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		take(r)
	}
	return lines.Err()
}

func median(runs []result) result {
	of := func(value func(result) float64) float64 {
		values := make([]float64, len(runs))
		for i, r := range runs {
			values[i] = value(r)
		}
		slices.Sort(values)
		return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	}
	return result{
		Scenario: runs[0].Scenario, Records: runs[0].Records,
		PerSecond:    of(func(r result) float64 { return r.PerSecond }),
		WorkerMicros: of(func(r result) float64 { return r.WorkerMicros }),
		RedisMicros:  of(func(r result) float64 { return r.RedisMicros }),
		PeakRSSMiB:   of(func(r result) float64 { return r.PeakRSSMiB }),
		P50Millis:    of(func(r result) float64 { return r.P50Millis }),
		P99Millis:    of(func(r result) float64 { return r.P99Millis }),
		P999Millis:   of(func(r result) float64 { return r.P999Millis }),
	}
}

// ceilingOf is the median of the bare loop on the same store.
func ceilingOf(medians []result, name string) (result, bool) {
	want := "ceiling"
	if strings.HasPrefix(name, "ferret-") {
		want = "ferret-ceiling"
	}
	i := slices.IndexFunc(medians, func(r result) bool { return r.Scenario == want })
	if i < 0 {
		return result{}, false
	}
	return medians[i], true
}

func table(out io.Writer, medians []result, runs map[string][]result) {
	fmt.Fprintln(out, "| scenario | runs | records | records/s | of the ceiling | worker CPU µs | Redis CPU µs | of the ceiling | peak RSS MiB |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|")
	for _, r := range medians {
		if r.P50Millis > 0 {
			continue
		}
		speed, cost := "", ""
		if c, ok := ceilingOf(medians, r.Scenario); ok {
			speed, cost = fmt.Sprintf("%.0f%%", 100*r.PerSecond/c.PerSecond), fmt.Sprintf("%.2f", r.RedisMicros/c.RedisMicros)
		}
		fmt.Fprintf(out, "| %s | %d | %d | %.0f | %s | %.1f | %.1f | %s | %.0f |\n", r.Scenario, len(runs[r.Scenario]), r.Records,
			r.PerSecond, speed, r.WorkerMicros, r.RedisMicros, cost, r.PeakRSSMiB)
	}
	for _, r := range medians {
		if r.P50Millis > 0 {
			fmt.Fprintf(out, "\n%s, XADD to durable: p50 %.1f ms, p99 %.1f ms, p99.9 %.1f ms (%d records).\n",
				r.Scenario, r.P50Millis, r.P99Millis, r.P999Millis, r.Records)
		}
	}
}
