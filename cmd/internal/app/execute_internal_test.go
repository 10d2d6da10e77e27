package app

import (
	"os"
	"syscall"
	"testing"
	"time"
)

func TestASignalToProcessAndGroupCountsOnce(t *testing.T) {
	for name, c := range map[string]struct {
		next  os.Signal
		after time.Duration
		echo  bool
	}{
		"the same at once":   {syscall.SIGTERM, time.Millisecond, true},
		"the same later":     {syscall.SIGTERM, echoWindow, false},
		"a different one":    {syscall.SIGINT, time.Millisecond, false},
		"a different, later": {syscall.SIGINT, time.Second, false},
	} {
		if got := isEcho(syscall.SIGTERM, c.next, c.after); got != c.echo {
			t.Errorf("%s: echo is %v, want %v", name, got, c.echo)
		}
	}
}
