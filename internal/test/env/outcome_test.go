package env_test

import (
	"fmt"
	"runtime"
	"testing"
)

// verdict is what a helper did to its test.
type verdict struct{ verdict, message string }

// trial is a testing.TB that records failures and skips.
type trial struct {
	testing.TB
	verdict
}

func (t *trial) Helper() {}

func (t *trial) Errorf(format string, args ...any) {
	t.verdict = verdict{"fail", fmt.Sprintf(format, args...)}
}

func (t *trial) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	runtime.Goexit()
}

func (t *trial) Fatal(args ...any) {
	t.verdict = verdict{"fail", fmt.Sprint(args...)}
	runtime.Goexit()
}

func (t *trial) Skipf(format string, args ...any) {
	t.verdict = verdict{"skip", fmt.Sprintf(format, args...)}
	runtime.Goexit()
}

// outcome calls use with a test that does not affect t, and returns its result.
func outcome(t *testing.T, use func(testing.TB)) verdict {
	t.Helper()
	tried := &trial{TB: t, verdict: verdict{"pass", ""}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		use(tried)
	}()
	<-done
	return tried.verdict
}
