package main

import (
	"fmt"
	"time"

	"ingestion/internal/answer"
	"ingestion/internal/config"
	"ingestion/internal/inspect"
	"ingestion/internal/plural"
	"ingestion/streams"
)

func (p *pausing) print(s *session) error {
	w := &fieldPrinter{w: s.out}
	if p.dryRun {
		w.print("dry run", p.queue+" would be paused")
	} else {
		w.print("paused", p.queue)
	}
	w.print("until", pausedUntil(p.asked, p.now))
	w.print("by", p.asked.By)
	if p.asked.Reason != "" {
		w.print("reason", p.asked.Reason)
	}
	if p.replaced != (streams.Control{}) {
		w.print("replaces", "the pause of "+pauseOf(p.replaced, p.now))
	}
	switch {
	case p.workers != nil:
		w.print("workers", heldBy(p.workers))
	case s.cfg.QueueMode != config.ModeList:
		w.print("workers", "unknown")
	}
	w.print("now", "workers stop reading within 2 s, finish what they hold and keep its leases; records wait in Redis; \"ingestctl resume\" ends it")
	return w.err
}

// pausedUntil says when a pause ends.
func pausedUntil(c streams.Control, now time.Time) string {
	if c.Paused || c.Until.IsZero() {
		return "it is resumed"
	}
	return fmt.Sprintf("%s, in %s", c.Until.UTC().Format(time.RFC3339), distance(now, c.Until))
}

// distance is the time between two, in days if it is long: a duration can't be longer than
// 292 years.
func distance(from, to time.Time) string {
	const day = 24 * 60 * 60
	if seconds := to.Unix() - from.Unix(); seconds >= 3*day {
		return plural.Of(seconds/day, "day", "days")
	}
	return inspect.Span(to.Sub(from).Round(time.Second))
}

// pauseOf describes a pause that was found.
func pauseOf(c streams.Control, now time.Time) string {
	by := "somebody"
	if c.By != "" {
		by = c.By
	}
	text := by + " until " + pausedUntil(c, now)
	if !c.At.IsZero() {
		text += ", from " + c.At.UTC().Format(time.RFC3339)
	}
	if c.Reason != "" {
		text += " (" + c.Reason + ")"
	}
	return text
}

func (p *pausing) printJSON(s *session) error {
	out := answer.PausingOf(p.queue, p.asked, p.replaced, p.workers)
	out.DryRun, out.Stopped = p.dryRun, p.stopped
	return answer.Write(s.out, out, "")
}
