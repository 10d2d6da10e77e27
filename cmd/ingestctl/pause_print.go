package main

import (
	"encoding/json"
	"fmt"
	"time"

	"ingestion/internal/config"
	"ingestion/internal/logging"
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
	return to.Sub(from).Round(time.Second).String()
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

// pauseJSON is a pause that was found, as JSON.
type pauseJSON struct {
	By     string  `json:"by"`
	Reason *string `json:"reason"`
	At     *string `json:"at"`
	Until  *string `json:"until"`
}

func pauseToJSON(c streams.Control) *pauseJSON {
	if c == (streams.Control{}) {
		return nil
	}
	p := &pauseJSON{By: c.By, Reason: textOrNull(c.Reason), At: timeOrNull(c.At)}
	if !c.Paused {
		p.Until = timeOrNull(c.Until)
	}
	return p
}

type pauseWorkers struct {
	Live    int   `json:"live"`
	Holding int64 `json:"holding"`
	Silent  int64 `json:"silent"`
}

func (p *pausing) printJSON(s *session) error {
	var workers *pauseWorkers
	if p.workers != nil {
		workers = &pauseWorkers{len(p.workers.Live), p.workers.LivePending, p.workers.Silent}
	}
	return json.NewEncoder(logging.EscapeControls(s.out)).Encode(struct {
		Version  int           `json:"version"`
		Queue    string        `json:"queue"`
		DryRun   bool          `json:"dryRun"`
		Until    *string       `json:"until"`
		By       string        `json:"by"`
		Reason   *string       `json:"reason"`
		Replaced *pauseJSON    `json:"replaced"`
		Workers  *pauseWorkers `json:"workers"`
		Stopped  *bool         `json:"stopped"`
	}{1, p.queue, p.dryRun, timeOrNull(p.asked.Until), p.asked.By, textOrNull(p.asked.Reason), pauseToJSON(p.replaced), workers, p.stopped})
}
