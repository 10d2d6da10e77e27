package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"ingestion/cmd/internal/app"
	"ingestion/internal/logging"
	"ingestion/streams"
)

const (
	lookPause = 500 * time.Millisecond
	// restFactor keeps what looking costs Redis below a tenth of its time.
	restFactor = 10
	// sayEvery is how often progress is told where no terminal is.
	sayEvery = 30 * time.Second
)

// awaitSettled waits until nothing is left to do. If that takes too long,
// unsettled says what is left. While Redis is away it goes on trying.
func (s *session) awaitSettled(ctx context.Context, accounts []*streams.Account, timeout time.Duration) (last []*streams.Account, unsettled, err error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	shown := newProgress(s.err)
	defer shown.clear()
	for {
		rest := streams.Total(accounts)
		if rest.Unfinished() == 0 {
			return accounts, nil, nil
		}
		shown.update(rest)
		pause := time.NewTimer(max(lookPause, restFactor*shown.lastLook))
		select {
		case <-pause.C:
		case <-limited.Done():
			pause.Stop()
			if ctx.Err() != nil {
				return nil, nil, fmt.Errorf("interrupted: %s", leftToDo(rest))
			}
			return accounts, fmt.Errorf("not settled after %v (--timeout): %s", timeout, leftToDo(rest)), nil
		}
		began := time.Now()
		read, err := s.readAccounts(limited)
		shown.lastLook = time.Since(began)
		switch {
		case err == nil:
			accounts = read
		case app.ExitCode(err) != 1:
			return nil, nil, err
		case limited.Err() == nil:
			shown.say(fmt.Sprintf("Redis: %v; going on", err))
		}
	}
}

func leftToDo(a *streams.Account) string {
	return fmt.Sprintf("%d undelivered, %d pending, %d delayed", a.Undelivered, a.Pending, a.Delayed)
}

// progress tells a person who waits how it goes: on a terminal one line that
// changes, elsewhere a line now and then.
type progress struct {
	w        io.Writer
	terminal bool
	said     time.Time
	lastLook time.Duration
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, terminal: ok && logging.IsTerminal(f)}
}

func (p *progress) update(a *streams.Account) { p.say("waiting: " + leftToDo(a)) }

func (p *progress) say(line string) {
	switch {
	case p.terminal:
		fmt.Fprintf(p.w, "\r\033[K%s", line)
	case time.Since(p.said) >= sayEvery:
		p.said = time.Now()
		fmt.Fprintln(p.w, line)
	}
}

func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(p.w, "\r\033[K")
	}
}
