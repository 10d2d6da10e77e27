package main

import (
	"math"
	"slices"
)

// figure selects a figure of a run.
type figure func(result) float64

func perSecond(r result) float64    { return r.PerSecond }
func workerMicros(r result) float64 { return r.WorkerMicros }
func redisMicros(r result) float64  { return r.RedisMicros }
func peakRSS(r result) float64      { return r.PeakRSSMiB }

// median returns NaN for no values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// of returns the median of a figure over a scenario's runs; NaN if there are
// none.
func (all *results) of(scenario string, f figure) float64 {
	var values []float64
	for _, r := range all.runs[scenario] {
		values = append(values, f(r))
	}
	return median(values)
}

// ratio returns the median of a figure's ratio to that of another scenario in
// the same round, within which the machine's load varies less than over a
// sitting. It is NaN if the two were never measured in one round on the same
// number of records.
func (all *results) ratio(scenario, to string, f figure) float64 {
	var values []float64
	others := all.runs[to]
	for round, r := range all.runs[scenario] {
		if round < len(others) && r.Records == others[round].Records {
			values = append(values, f(r)/f(others[round]))
		}
	}
	return median(values)
}

// round rounds to parts of one, 10 for tenths.
func round(value, parts float64) float64 { return math.Round(value*parts) / parts }
