package consumer

import (
	"context"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
)

const (
	shortestPause = 50 * time.Millisecond
	longestPause  = 2 * time.Second
	sayAgainAfter = time.Minute
)

// troubles says why the consumer's goroutines wait for servers: once for each
// reason and minute, however many of them wait and however often a server
// recovers meanwhile. Where it has said so it also says when none waits any more.
type troubles struct {
	log *slog.Logger

	mu      sync.Mutex
	said    map[string]time.Time // by reason
	waiting map[string]int       // by server
	open    map[string]bool      // servers whose recovery is to be said
}

func newTroubles(log *slog.Logger) *troubles {
	return &troubles{log: log, said: map[string]time.Time{}, waiting: map[string]int{}, open: map[string]bool{}}
}

// number is what differs between two like errors: the ports of connections,
// counts, times.
var number = regexp.MustCompile(`\d+`)

// manyReasons bounds what is kept of reasons.
const manyReasons = 100

func (t *troubles) say(server string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	reason := server + number.ReplaceAllString(err.Error(), "")
	if time.Since(t.said[reason]) < sayAgainAfter {
		return
	}
	if len(t.said) >= manyReasons {
		clear(t.said)
	}
	t.said[reason], t.open[server] = time.Now(), true
	t.log.Warn("retrying", "status", "error", "server", server, "reason", err.Error()+"; waiting and trying again")
}

func (t *troubles) begin(server string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting[server]++
}

func (t *troubles) end(server string, recovered bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting[server]--
	if recovered && t.waiting[server] == 0 && t.open[server] {
		delete(t.open, server)
		t.log.Info("retrying", "status", "success", "server", server, "reason", server+" answers again")
	}
}

// patience waits longer and longer between tries of one thing.
type patience struct {
	troubles *troubles
	server   string
	backoff  *backoff.ExponentialBackOff
	waits    bool
}

func (t *troubles) patience(server string) *patience {
	b := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(shortestPause),
		backoff.WithMaxInterval(longestPause),
		backoff.WithMaxElapsedTime(0))
	return &patience{troubles: t, server: server, backoff: b}
}

// wait returns after the pause, or with ctx's error, which ends the waiting too.
func (p *patience) wait(ctx context.Context, err error) error {
	if !p.waits {
		p.waits = true
		p.troubles.begin(p.server)
	}
	p.troubles.say(p.server, err)
	timer := time.NewTimer(p.backoff.NextBackOff())
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		p.end(false)
		return ctx.Err()
	}
}

// recovered ends the waiting.
func (p *patience) recovered() { p.end(true) }

func (p *patience) end(recovered bool) {
	if p.waits {
		p.waits = false
		p.backoff.Reset()
		p.troubles.end(p.server, recovered)
	}
}

// insist repeats op until it succeeds or ctx ends.
func (t *troubles) insist(ctx context.Context, server string, op func() error) error {
	p := t.patience(server)
	for {
		err := op()
		if err == nil {
			p.recovered()
			return nil
		}
		if waitErr := p.wait(ctx, err); waitErr != nil {
			return err
		}
	}
}
