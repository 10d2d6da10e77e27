package app

import (
	"os"
	"syscall"
	"testing"
	"time"
)

func TestASignalToTheGroupAsWellIsOne(t *testing.T) {
	for name, c := range map[string]struct {
		next  os.Signal
		after time.Duration
		echo  bool
	}{
		"again at once":    {syscall.SIGTERM, time.Millisecond, true},
		"again later":      {syscall.SIGTERM, sameSignal, false},
		"another at once":  {syscall.SIGINT, time.Millisecond, false},
		"another, a while": {syscall.SIGINT, time.Second, false},
	} {
		if got := isEcho(syscall.SIGTERM, c.next, c.after); got != c.echo {
			t.Errorf("%s: echo is %v, want %v", name, got, c.echo)
		}
	}
}
