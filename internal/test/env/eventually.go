package env

import (
	"testing"
	"time"
)

// Eventually asks condition again and again until it is true, and fails the
// test with condition's last message if that takes longer than timeout.
// condition runs in the caller's goroutine and should be quick.
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
			t.Fatalf("not so within %v: %s", timeout, message)
		}
		<-time.After(pause)
	}
}
