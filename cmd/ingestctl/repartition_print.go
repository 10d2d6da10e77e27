package main

import (
	"fmt"
	"strings"

	"ingestion/internal/answer"
	"ingestion/internal/plural"
	"ingestion/limiter"
)

// repartitionJSON is the result of repartition. docs/schema/ingestctl-repartition.json
// describes it.
type repartitionJSON struct {
	Version  int      `json:"version"`
	Stream   string   `json:"stream"`
	From     int      `json:"from"`
	To       int      `json:"to"`
	DryRun   bool     `json:"dryRun"`
	Windows  int64    `json:"windows"`
	Limits   int64    `json:"limits"`
	ReadOn   []string `json:"readOn"`
	Workers  []string `json:"workers"`
	Complete bool     `json:"complete"`
}

func windowsAndLimits(m limiter.Moved) string {
	return plural.Of(m.Windows, "window", "windows") + " and " + plural.Of(m.Limits, "own limit", "own limits")
}

func (r *repartition) question() string {
	return fmt.Sprintf("Change the stream %q from %d to %s?", r.session.cfg.StreamKey, r.from, plural.Of(r.to, "partition", "partitions"))
}

func (r *repartition) summary() string {
	return fmt.Sprintf("the stream %q has %s now", r.session.cfg.StreamKey, plural.Of(r.to, "partition", "partitions"))
}

// report prints what was done, or would be.
func (r *repartition) report(complete bool) error {
	s := r.session
	if r.json {
		return answer.Write(s.out, repartitionJSON{
			Version: 1, Stream: s.cfg.StreamKey, From: r.from, To: r.to, DryRun: r.approval.dryRun,
			Windows: r.moved.Windows, Limits: r.moved.Limits,
			ReadOn: append([]string{}, r.readOn()...), Workers: append([]string{}, r.workers...), Complete: complete,
		}, "")
	}
	w := &fieldPrinter{w: s.out}
	switch {
	case r.done():
		w.line("the stream %q has %s already", s.cfg.StreamKey, plural.Of(r.to, "partition", "partitions"))
		return w.err
	case !complete:
		w.line("the stream %q would get %s instead of %d", s.cfg.StreamKey, plural.Of(r.to, "partition", "partitions"), r.from)
		w.line("%s of customers would be moved", windowsAndLimits(r.moved))
	default:
		w.line("the stream %q has %s instead of %d", s.cfg.StreamKey, plural.Of(r.to, "partition", "partitions"), r.from)
		w.line("%s of customers were moved", windowsAndLimits(r.moved))
	}
	if keys := r.readOn(); len(keys) > 0 {
		w.line("also read from now on: %s", shortList(keys))
	}
	switch {
	case complete:
		w.line("start the archiver and the workers with STREAM_PARTITIONS=%d, then restart the producers with it", r.to)
	case len(r.workers) > 0:
		w.line("not yet: %s", r.running())
	}
	return w.err
}

// shortList names the first few streams, and how many there are.
func shortList(keys []string) string {
	const shown = 4
	if len(keys) <= shown {
		return strings.Join(keys, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(keys[:shown], ", "), len(keys)-shown)
}
