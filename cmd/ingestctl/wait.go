package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"ingestion/cmd/internal/app"
	"ingestion/internal/logging"
	"ingestion/streams"
)

const (
	// minPause is the shortest pause between two reads of the account.
	minPause = 500 * time.Millisecond
	// pauseFactor limits the time that reading takes Redis to about 1/pauseFactor.
	pauseFactor = 10
	// printInterval separates the lines of progress off a terminal.
	printInterval = 30 * time.Second
)

// awaitSettled reads the account until nothing is unfinished. After the timeout
// it returns the last account, and unsettled says what is left. It retries while
// Redis is unavailable.
func (s *session) awaitSettled(ctx context.Context, accounts []*streams.Account, timeout time.Duration) (last []*streams.Account, unsettled, err error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	shown := progress{w: s.err, terminal: logging.CanRedraw(s.err)}
	defer shown.clear()
	var took time.Duration // the last read
	for {
		rest := streams.Total(accounts)
		if rest.Unfinished() == 0 {
			return accounts, nil, nil
		}
		shown.print("waiting: " + unfinished(rest))
		pause := time.NewTimer(max(minPause, pauseFactor*took))
		select {
		case <-pause.C:
		case <-limited.Done():
			pause.Stop()
			if ctx.Err() != nil {
				return nil, nil, fmt.Errorf("interrupted: %s", unfinished(rest))
			}
			return accounts, fmt.Errorf("not settled after %v (--timeout): %s", timeout, unfinished(rest)), nil
		}
		start := time.Now()
		read, err := s.readAccounts(limited)
		took = time.Since(start)
		switch {
		case err == nil:
			accounts = read
		case app.ExitCode(err) != 1:
			return nil, nil, err
		case limited.Err() == nil:
			shown.print(fmt.Sprintf("waiting: %v; retrying", err))
		}
	}
}

func unfinished(a *streams.Account) string {
	return fmt.Sprintf("%d undelivered, %d pending, %d delayed", a.Undelivered, a.Pending, a.Delayed)
}

// progress shows the state of a wait: on a terminal one line that is overwritten,
// elsewhere a line every printInterval.
type progress struct {
	w        io.Writer
	terminal bool
	printed  time.Time
}

func (p *progress) print(line string) {
	switch {
	case p.terminal:
		fmt.Fprintf(p.w, "\r\033[K%s", line)
	case time.Since(p.printed) >= printInterval:
		p.printed = time.Now()
		fmt.Fprintln(p.w, line)
	}
}

func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(p.w, "\r\033[K")
	}
}
