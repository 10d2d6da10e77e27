package app

import (
	"log/slog"
	"time"

	"ingestion/consumer"
)

// roomWatch holds the readers back while Redis is at maxmemory: the limiter
// could not record whom it admits. It is told from one goroutine.
type roomWatch struct {
	stream string
	log    *slog.Logger
	gate   *consumer.Gate
	said   time.Time
	silent bool // the last word was not said, since the one before is young
}

func newRoomWatch(stream string, log *slog.Logger, gate *consumer.Gate) *roomWatch {
	return &roomWatch{stream: stream, log: log, gate: gate}
}

// tell shuts the gate for a reason and opens it without one. A server that goes
// to and fro about its limit is spoken of once a minute.
func (w *roomWatch) tell(reason string) {
	cause := "maxmemory of " + w.stream
	if reason == "" {
		w.gate.Open(cause)
		if !w.silent {
			w.log.Info("retrying", "status", "success", "server", "Redis", "stream", w.stream, "reason", "Redis has room again")
		}
		return
	}
	reason = "Redis is at maxmemory, nothing can be admitted: waiting for room, nothing is lost (" + reason + ")"
	w.gate.Shut(cause, reason)
	w.silent = time.Since(w.said) < sayAgainAfter
	if !w.silent {
		w.said = time.Now()
		w.log.Warn("retrying", "status", "error", "server", "Redis", "stream", w.stream, "reason", reason)
	}
}
