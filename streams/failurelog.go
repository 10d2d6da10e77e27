package streams

import (
	"log/slog"
	"regexp"
	"time"
)

// repeatAfter is how often the same failure is logged again.
const repeatAfter = time.Minute

// digits is what differs between otherwise equal errors, such as a port.
var digits = regexp.MustCompile(`\d+`)

// failureLog logs an operation that fails repeatedly: each new reason at once,
// the same reason once a minute, and the recovery after a logged failure. It is
// used by one goroutine.
type failureLog struct {
	log       *slog.Logger
	stream    string
	recovery  string // the message of the recovery, without the final "again"
	open      bool   // a failure was logged, and no recovery since
	lastByErr map[string]time.Time
}

func (l *failureLog) failed(err error) {
	reason := err.Error()
	kind := digits.ReplaceAllString(reason, "")
	if time.Since(l.lastByErr[kind]) < repeatAfter {
		return
	}
	if l.lastByErr == nil || len(l.lastByErr) > 100 {
		l.lastByErr = map[string]time.Time{}
	}
	l.lastByErr[kind] = time.Now()
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
