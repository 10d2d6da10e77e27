package app

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"ingestion/consumer"
	"ingestion/streams"
)

// pauses shuts the gate while an operator has paused the queue.
type pauses struct {
	log  *slog.Logger
	gate *consumer.Gate
}

func (p pauses) changed(c streams.Control) {
	cause := consumer.Cause{Kind: consumer.Paused}
	if c == (streams.Control{}) {
		p.gate.Open(cause)
		p.log.Info("resumed", "status", "success", "reason", "the queue is no longer paused")
		return
	}
	until := "it is resumed"
	if !c.Paused {
		until = c.Until.UTC().Format(time.RFC3339)
	}
	if c.Reason != "" {
		until += " (" + c.Reason + ")"
	}
	reason := fmt.Sprintf("%s has paused the queue until %s: nothing is read meanwhile, and what is held keeps its lease", cmp.Or(c.By, "someone"), until)
	p.gate.Shut(cause, reason)
	p.log.Warn("paused", "status", "success", "reason", reason)
}
