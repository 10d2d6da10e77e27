package streams

import (
	"log/slog"

	"ingestion/internal/retry"
)

// failureLog logs an operation that fails repeatedly: each new reason at once,
// the same reason once a minute, and the recovery after a logged failure. It is
// used by one goroutine.
type failureLog struct {
	log      *slog.Logger
	stream   string
	recovery string // the message of the recovery, without the final "again"
	open     bool   // a failure was logged, and no recovery since
	throttle retry.Throttle
}

func (l *failureLog) failed(err error) {
	reason := err.Error()
	if !l.throttle.Allow(reason) {
		return
	}
	l.open = true
	l.log.Warn("retrying", "status", "error", "server", "Redis", "stream", l.stream, "reason", reason)
}

func (l *failureLog) succeeded() {
	if !l.open {
		return
	}
	l.open = false
	l.log.Info("retrying", "status", "success", "server", "Redis", "stream", l.stream, "reason", l.recovery+" again")
}
