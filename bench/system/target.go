package main

import (
	"fmt"
	"math"
)

// target is the wanted value of a figure, absolute or relative to another
// scenario of the same round.
type target struct {
	what     string
	scenario string
	to       string // the other one; empty: the figure by itself
	of       figure
	least    bool // else the limit is the most
	limit    float64
	mark     mark
}

// mark is where the plot shows a target.
type mark int

const (
	unmarked mark = iota
	onSpeed
	onWorker
	onRedis
)

const mostRedis = 1.15 // of the ceiling's

var targets = []target{
	{"records/s vs ceiling, LOG_LEVEL=WARN", "stream-quiet", "ceiling", perSecond, true, 0.80, onSpeed},
	{"worker CPU µs per record, LOG_LEVEL=WARN", "stream-quiet", "", workerMicros, false, 6, onWorker},
	{"Redis CPU vs ceiling, LOG_LEVEL=WARN", "stream-quiet", "ceiling", redisMicros, false, mostRedis, onRedis},
	{"records/s vs ceiling, log to a file", "stream", "ceiling", perSecond, true, 0.70, onSpeed},
	{"worker CPU µs per record, log to a file", "stream", "", workerMicros, false, 8, onWorker},
	{"Redis CPU vs ceiling, log to a file", "stream", "ceiling", redisMicros, false, mostRedis, onRedis},
	{"records/s vs ceiling, FerretDB", "ferret-stream", "ferret-ceiling", perSecond, true, 0.95, onSpeed},
	{"records/s of a list vs stream, LOG_LEVEL=WARN", "list-quiet", "stream-quiet", perSecond, true, 0.80, onSpeed},
	{"records/s of a list vs stream, log to a file", "list", "stream", perSecond, true, 0.80, onSpeed},
	{"records/s of a list vs stream, FerretDB", "ferret-list", "ferret-stream", perSecond, true, 0.80, onSpeed},
	{"p99 from the XADD call at 1,000 records/s, ms", latencyAt(defaultRate), "", fromXADD99, false, 10, unmarked},
	{"peak RSS with a large backlog, MiB", "backlog", "", peakRSS, false, 64, unmarked},
}

func fromXADD99(r result) float64 {
	if r.Latency == nil {
		return math.NaN()
	}
	return r.Latency.FromXADD.P99
}

// measured returns the figure's value; NaN if it was not measured.
func (t target) measured(all *results) float64 {
	if t.to == "" {
		return all.of(t.scenario, t.of)
	}
	return all.ratio(t.scenario, t.to, t.of)
}

// absolute returns the limit in the figure's own unit, computed from this
// sitting.
func (t target) absolute(all *results) float64 {
	if t.to == "" {
		return t.limit
	}
	return t.limit * all.of(t.to, t.of)
}

// row returns the target's row of the table.
func (t target) row(all *results) string {
	value := t.measured(all)
	sign, met := "≤", value <= t.limit
	if t.least {
		sign, met = "≥", value >= t.limit
	}
	digits := 1
	if t.to != "" {
		digits = 2
	}
	measured := fmt.Sprintf("%.*f", digits, value)
	if math.IsNaN(value) {
		measured = ""
	}
	return fmt.Sprintf("| %s | %s %.*f | %s | %s |\n", t.what, sign, digits, t.limit, measured, verdict(value, met))
}

func verdict(value float64, met bool) string {
	switch {
	case math.IsNaN(value):
		return "not measured"
	case met:
		return "met"
	default:
		return "**missed**"
	}
}
