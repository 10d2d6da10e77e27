package main

import (
	"fmt"

	"ingestion/internal/answer"
	"ingestion/internal/plural"
)

// migrationJSON is the result of a migration. docs/schema/ingestctl-migrate.json describes
// it.
type migrationJSON struct {
	Version    int           `json:"version"`
	Direction  string        `json:"direction"`
	List       string        `json:"list"`
	Stream     string        `json:"stream"`
	Partitions int           `json:"partitions"`
	DryRun     bool          `json:"dryRun"`
	Found      *int64        `json:"found"`
	Moved      int64         `json:"moved"`
	Complete   bool          `json:"complete"`
	Obstacles  obstaclesJSON `json:"obstacles"`
}

type obstaclesJSON struct {
	Workers  int    `json:"workers"`
	Pending  *int64 `json:"pending"` // null for a list
	Deferred *int64 `json:"deferred"`
}

// report prints what was moved, or would be.
func (b *backlog) report(s *session, moved int64, complete bool) error {
	if b.json {
		return b.reportJSON(s, moved, complete)
	}
	from, to := b.places()
	if b.approval.dryRun {
		w := &fieldPrinter{w: s.out}
		w.line("%s would be moved from %s to %s", b.size(), from, to)
		if b.clients.any() {
			w.line("not yet: %s", b.clients)
		}
		return w.err
	}
	_, err := fmt.Fprintf(s.out, "%s moved from %s to %s\n", plural.Of(moved, "record", "records"), from, to)
	return err
}

func (b *backlog) reportJSON(s *session, moved int64, complete bool) error {
	result := migrationJSON{
		Version: 1, Direction: b.name, List: s.cfg.QueueKey, Stream: s.cfg.StreamKey, Partitions: s.cfg.StreamPartitions,
		DryRun: b.approval.dryRun, Found: answer.Known(b.known, b.found), Moved: moved, Complete: complete,
		Obstacles: obstaclesJSON{b.clients.workers, answer.Known(!b.clients.list, b.clients.pending), answer.Known(!b.clients.list, b.clients.deferred)},
	}
	return answer.Write(s.out, result, "")
}
