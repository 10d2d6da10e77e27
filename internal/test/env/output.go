package env

import (
	"bytes"
	"errors"
	"sync"
	"time"
)

// output collects the lines that a program writes. Safe for concurrent use.
type output struct {
	mu      sync.Mutex
	lines   []string
	partial []byte        // the last line, as long as it has no end
	ended   bool          // nothing more will come
	changed chan struct{} // closed and replaced at every change
}

func newOutput() *output { return &output{changed: make(chan struct{})} }

// Write implements io.Writer; it never fails.
func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.partial = append(o.partial, text...)
	for {
		line, rest, found := bytes.Cut(o.partial, []byte("\n"))
		if !found {
			break
		}
		o.lines = append(o.lines, string(line))
		o.partial = rest
	}
	o.announce()
	return len(text), nil
}

// finish completes the last line; nothing may be written afterwards.
func (o *output) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.partial) > 0 {
		o.lines = append(o.lines, string(o.partial))
	}
	o.ended = true
	o.announce()
}

func (o *output) announce() {
	close(o.changed)
	o.changed = make(chan struct{})
}

// since returns the lines after the first n, whether more may follow, and a
// channel that is closed at the next change.
func (o *output) since(n int) (lines []string, ended bool, changed <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lines[min(n, len(o.lines)):len(o.lines):len(o.lines)], o.ended, o.changed
}

func (o *output) all() []string {
	lines, _, _ := o.since(0)
	return lines
}

// wait returns the first match after the first n lines, and the number of lines
// up to and including it.
func (o *output) wait(n int, timeout time.Duration, match func(string) bool) (string, int, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		lines, ended, changed := o.since(n)
		for i, line := range lines {
			if match(line) {
				return line, n + i + 1, nil
			}
		}
		n += len(lines)
		if ended {
			return "", n, errEnded
		}
		select {
		case <-changed:
		case <-timer.C:
			return "", n, errNoLine
		}
	}
}

var (
	errNoLine = errors.New("the line waited for did not come in time")
	errEnded  = errors.New("the program ended without the line waited for")
)
