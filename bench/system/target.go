package main

import (
	"fmt"
	"math"
)

// target is what a scenario is to reach.
type target struct {
	scenario string
	log      string
	speed    float64 // records a second, at least, to the ceiling's
	worker   float64 // µs of CPU a record, at most
	redis    float64 // CPU, at most, to the ceiling's
}

var targets = []target{
	{scenario: "stream-quiet", log: "LOG_LEVEL=WARN", speed: 0.80, worker: 6, redis: 1.15},
	{scenario: "stream", log: "log to a file", speed: 0.70, worker: 8, redis: 1.15},
}

// rows are those of the table of targets.
func (t target) rows(all *results) []string {
	ceiling := ceilingOf(t.scenario)
	speed, redis := all.ratio(t.scenario, ceiling, perSecond), all.ratio(t.scenario, ceiling, redisMicros)
	worker := all.of(t.scenario, workerMicros)
	row := func(what, sign, format string, limit, value float64, met bool) string {
		return fmt.Sprintf("| %s, %s | %s "+format+" | "+format+" | %s |\n", what, t.log, sign, limit, value, verdict(value, met))
	}
	return []string{
		row("records/s, to the ceiling's", "≥", "%.2f", t.speed, speed, speed >= t.speed),
		row("worker CPU µs a record", "≤", "%.1f", t.worker, worker, worker <= t.worker),
		row("Redis CPU, to the ceiling's", "≤", "%.2f", t.redis, redis, redis <= t.redis),
	}
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

func targetOf(scenario string) (target, bool) {
	for _, t := range targets {
		if t.scenario == scenario {
			return t, true
		}
	}
	return target{}, false
}
