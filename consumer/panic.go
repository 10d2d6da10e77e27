package consumer

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// stage is a step of processing in which code of others runs.
type stage int

const (
	decoding stage = iota
	limiting
	lookingUp
	inserting
	stages int = iota
)

// panicError says that processing panicked. Of values that are not the
// runtime's own it shows the type only: they may hold a customer's data.
type panicError struct {
	at    stage
	value any
}

func (e *panicError) Error() string {
	if err, ok := e.value.(runtime.Error); ok {
		return "processing panicked: " + err.Error()
	}
	return fmt.Sprintf("processing panicked: %T", e.value)
}

// health knows which stages work: a stage is sound when something has come
// through it since it panicked last.
type health struct {
	log *slog.Logger

	mu     sync.Mutex
	broken [stages]bool
	said   [stages]string
	saidAt [stages]time.Time
	open   [stages]bool // it was said that the stage panics, and not yet that it works again
}

// panicked is told of a panic where it is recovered, and says it once a minute.
func (h *health) panicked(at stage, value any) *panicError {
	err := &panicError{at, value}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken[at] = true
	if reason := err.Error(); reason != h.said[at] || time.Since(h.saidAt[at]) > sayAgainAfter {
		h.said[at], h.saidAt[at], h.open[at] = reason, time.Now(), true
		h.log.Error("warning", "status", "error", "reason", reason, "stack", string(debug.Stack()))
	}
	return err
}

// passed is told that something has come through a stage.
func (h *health) passed(at stage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken[at] = false
	if h.open[at] {
		h.open[at] = false
		h.log.Info("warning", "status", "success", "reason", "processing works again")
	}
}

// sound says whether each stage works.
func (h *health) sound() (sound [stages]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for at, broken := range h.broken {
		sound[at] = !broken
	}
	return sound
}
