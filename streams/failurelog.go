package streams

import (
	"log/slog"
	"regexp"
	"time"
)

// sayAgainAfter is how often the same trouble is told.
const sayAgainAfter = time.Minute

// number is what differs between two like errors, as the port of a connection.
var number = regexp.MustCompile(`\d+`)

// trouble tells the log of one thing that fails again and again: at once why,
// again when the reason changes, the same reason once a minute; and the end of
// what it has told. It belongs to one goroutine.
type trouble struct {
	log    *slog.Logger
	stream string
	what   string // what its end means: "… again"

	open bool                 // it was told and is not over
	told map[string]time.Time // when, by reason
}

// met is told why it failed.
func (t *trouble) met(err error) {
	reason := err.Error()
	kind := number.ReplaceAllString(reason, "")
	if time.Since(t.told[kind]) < sayAgainAfter {
		return
	}
	if t.told == nil || len(t.told) > 100 {
		t.told = map[string]time.Time{}
	}
	t.told[kind] = time.Now()
	t.open = true
	t.log.Warn("retrying", "status", "error", "server", "Redis", "stream", t.stream, "reason", reason)
}

// over is told that it has worked.
func (t *trouble) over() {
	if !t.open {
		return
	}
	t.open = false
	t.log.Info("retrying", "status", "success", "server", "Redis", "stream", t.stream, "reason", t.what+" again")
}
