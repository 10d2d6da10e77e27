package retry

import (
	"regexp"
	"time"
)

const (
	// logInterval is the time after which the same reason is logged again.
	logInterval = time.Minute
	// maxReasons bounds the memory of a Throttle.
	maxReasons = 100
)

// number matches what differs between errors of the same kind: the ports of
// connections, counts, times.
var number = regexp.MustCompile(`\d+`)

// Throttle limits how often the reason of a retry is logged. The zero value is ready
// for use, by one goroutine at a time.
type Throttle struct{ logged map[string]time.Time }

// Allow reports whether the reason is to be logged now: it was not within the last
// minute. Reasons that differ in numbers only are the same.
func (t *Throttle) Allow(reason string) bool {
	reason = number.ReplaceAllString(reason, "")
	if time.Since(t.logged[reason]) < logInterval {
		return false
	}
	if t.logged == nil || len(t.logged) >= maxReasons {
		t.logged = map[string]time.Time{}
	}
	t.logged[reason] = time.Now()
	return true
}
