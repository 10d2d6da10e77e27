package limiter

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestHintsAreForSeconds has a clock of its own.
func TestHintsAreForSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hints, warnings := newMemory(hintLife), newMemory(0)
		for _, m := range []*memory{hints, warnings} {
			if !m.empty() {
				t.Error("a new memory is not empty")
			}
			m.set("ann", "text")
		}
		time.Sleep(hintLife)
		if got := hints.get("ann"); got != "text" || hints.empty() {
			t.Errorf("the hint is %q within its life", got)
		}
		time.Sleep(time.Millisecond)
		if got := hints.get("ann"); got != "" || !hints.empty() {
			t.Errorf("the hint is %q after its life", got)
		}
		time.Sleep(1000 * time.Hour)
		if warnings.set("ann", "text") {
			t.Error("a warning was forgotten")
		}
	})
}
