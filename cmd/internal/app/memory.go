package app

import (
	"log/slog"

	"ingestion/consumer"
	"ingestion/internal/retry"
)

// memoryPressure shuts the gate while Redis is at maxmemory, when the limiter can't record
// what it admits. One goroutine uses it.
type memoryPressure struct {
	stream     string
	log        *slog.Logger
	gate       *consumer.Gate
	throttle   retry.Throttle
	suppressed bool // the current pressure was not logged, so its end is not logged either
}

// changed shuts the gate, or opens it if reason is empty. It logs at most once a minute for
// a server that is sometimes above its limit and sometimes below.
func (w *memoryPressure) changed(reason string) {
	cause := consumer.Cause{Kind: consumer.RedisFull, Of: w.stream}
	if reason == "" {
		w.gate.Open(cause)
		if !w.suppressed {
			w.log.Info("retrying", "status", "success", "server", "Redis", "stream", w.stream, "reason", "Redis has free memory again")
		}
		return
	}
	reason = "Redis is at maxmemory, nothing can be admitted: waiting for free memory, nothing is lost (" + reason + ")"
	w.gate.Shut(cause, reason)
	w.suppressed = !w.throttle.Allow(w.stream)
	if !w.suppressed {
		w.log.Warn("retrying", "status", "error", "server", "Redis", "stream", w.stream, "reason", reason)
	}
}
