package streams

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// controlPause is how often the control is read. A read of the queue in progress when
	// a pause begins ends within a second, so both together last less than two.
	controlPause = 800 * time.Millisecond
	// controlTimeout bounds a reading, so that a pause ends in time without Redis too.
	controlTimeout = 2 * time.Second
)

// ControlWatch reads what operators ask of a worker and tells it. One goroutine uses it.
type ControlWatch struct {
	client   redis.UniversalClient
	key      string
	changed  func(Control)
	failures failureLog

	known Control       // as last read
	told  Control       // as last told to changed; the zero value unless it was active
	ahead time.Duration // of Redis' clock before this host's
}

// NewControlWatch returns a watch of a queue. key is that of the list or of the first
// partition's stream. changed is called when a pause begins or changes, and with the zero
// value when it ends.
func NewControlWatch(client redis.UniversalClient, key string, log *slog.Logger, changed func(Control)) *ControlWatch {
	return &ControlWatch{client: client, key: key, changed: changed,
		failures: failureLog{log: log, stream: key, recovery: "what operators ask of the workers is read"}}
}

// Run looks every 800 ms, and when a pause ends, until ctx ends. While Redis does not
// answer, what was read last holds.
func (w *ControlWatch) Run(ctx context.Context) {
	for {
		timer := time.NewTimer(w.untilNext())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			w.Look(ctx)
		}
	}
}

// Look reads the control and tells what has changed.
func (w *ControlWatch) Look(ctx context.Context) {
	if err := w.read(ctx); err == nil {
		w.failures.succeeded()
	} else if ctx.Err() == nil {
		w.failures.failed(err)
	}
	now := w.known
	if !now.Active(w.now()) {
		now = Control{}
	}
	if now != w.told {
		w.told = now
		w.changed(now)
	}
}

// now is the time by the clock of Redis, as far as it is known.
func (w *ControlWatch) now() time.Time { return time.Now().Add(w.ahead) }

func (w *ControlWatch) untilNext() time.Duration {
	if w.told.Paused || w.told.Until.IsZero() {
		return controlPause
	}
	return max(min(controlPause, w.told.Until.Sub(w.now())), time.Millisecond)
}

func (w *ControlWatch) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	c, now, err := ReadControl(ctx, w.client, w.key)
	if err != nil {
		return err
	}
	w.known = c
	if !c.Until.IsZero() {
		w.ahead = time.Until(now)
	}
	return nil
}
