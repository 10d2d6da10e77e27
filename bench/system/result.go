package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"ingestion/bench/internal/local"
)

// result is a line of the results: one run of one scenario.
type result struct {
	Scenario     string  `json:"scenario"`
	Records      int     `json:"records"`
	PerSecond    float64 `json:"recordsPerSecond"`
	WorkerMicros float64 `json:"workerCPUMicrosPerRecord,omitempty"`
	RedisMicros  float64 `json:"redisCPUMicrosPerRecord,omitempty"`
	PeakRSSMiB   float64 `json:"peakRSSMiB,omitempty"`

	Memory  *memory  `json:"memory,omitempty"`
	Latency *latency `json:"latency,omitempty"`
}

// memory is the worker's resident memory over a run.
type memory struct {
	StepMillis int64     `json:"stepMillis"`
	MiB        []float64 `json:"mib"` // maximum of each step
}

func memoryOf(s local.Series) *memory {
	m := &memory{StepMillis: s.Step.Milliseconds()}
	for _, bytes := range s.Values {
		m.MiB = append(m.MiB, round(float64(bytes)/(1<<20), 10))
	}
	return m
}

// latency is the latency of records in ms: from the XADD call, and from the
// time when they were due.
type latency struct {
	FromXADD quantiles `json:"fromXADD"`
	FromDue  quantiles `json:"fromDue"`
	Late     int       `json:"late"` // sent more than lateAfter after they were due
	LatestMs float64   `json:"latestMillis"`
}

type quantiles struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

func quantilesOf(took []time.Duration) quantiles {
	slices.Sort(took)
	at := func(q float64) float64 {
		return float64(took[min(int(q*float64(len(took))), len(took)-1)].Microseconds()) / 1000
	}
	return quantiles{at(0.5), at(0.99), at(0.999), at(1)}
}

// heading is the first line of a file of results.
type heading struct {
	Machine *machine `json:"machine"`
}

// results are the results of one sitting.
type results struct {
	machine *machine
	names   []string // scenarios in order of their first run
	runs    map[string][]result
}

func readResults(file string) (*results, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := &results{runs: map[string][]result{}}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l struct {
			heading
			result
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if l.Machine != nil {
			all.machine = l.Machine
		}
		if l.Scenario != "" {
			all.add(l.result)
		}
	}
	return all, lines.Err()
}

func (all *results) add(r result) {
	if all.runs[r.Scenario] == nil {
		all.names = append(all.names, r.Scenario)
	}
	all.runs[r.Scenario] = append(all.runs[r.Scenario], r)
}
