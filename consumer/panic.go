package consumer

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// panicError is a panic while processing. Its text contains the value of a panic of
// the runtime only; of others the type, since the value may contain customer data.
type panicError struct {
	at    Stage
	value any
}

func (e *panicError) Error() string {
	if err, ok := e.value.(runtime.Error); ok {
		return "processing panicked: " + err.Error()
	}
	return fmt.Sprintf("processing panicked: %T", e.value)
}

// stageSucceeded marks the last stage that the batch entered as working.
func (c *Consumer) stageSucceeded(b *batch) {
	b.succeeded[b.stage] = true
	c.health.succeeded(b.stage)
}

// stageHealth knows which stages work: those that have succeeded since they panicked
// last. It is safe for concurrent use.
type stageHealth struct {
	log *slog.Logger

	mu       sync.Mutex
	broken   [stages]bool
	reason   [stages]string // logged last
	loggedAt [stages]time.Time
	open     [stages]bool // a panic was logged, the recovery was not
}

// panicked is called where a panic is recovered. It logs a panic at most once a minute.
func (h *stageHealth) panicked(at Stage, value any) *panicError {
	err := &panicError{at, value}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken[at] = true
	if reason := err.Error(); reason != h.reason[at] || time.Since(h.loggedAt[at]) > logInterval {
		h.reason[at], h.loggedAt[at], h.open[at] = reason, time.Now(), true
		h.log.Error("warning", "status", "error", "reason", reason, "stack", string(debug.Stack()))
	}
	return err
}

func (h *stageHealth) succeeded(at Stage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken[at] = false
	if h.open[at] {
		h.open[at] = false
		h.log.Info("warning", "status", "success", "reason", "processing works again")
	}
}

// working reports for each stage whether it works.
func (h *stageHealth) working() (working [stages]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for at, broken := range h.broken {
		working[at] = !broken
	}
	return working
}
