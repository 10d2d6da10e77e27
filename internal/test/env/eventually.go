package env

import (
	"testing"
	"time"
)

// Eventually polls condition until it is true, and fails the test with its last
// message after timeout. condition runs in the caller's goroutine and should be
// quick.
func Eventually(t testing.TB, timeout time.Duration, condition func() (ok bool, message string)) {
	t.Helper()
	const first, longest = time.Millisecond, 50 * time.Millisecond
	deadline := time.Now().Add(timeout)
	for pause := first; ; pause = min(2*pause, longest) {
		ok, message := condition()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("condition not met within %v: %s", timeout, message)
		}
		<-time.After(pause)
	}
}
