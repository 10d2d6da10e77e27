package consumer

import (
	"context"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// patience waits longer and longer between tries, says at once why, again when
// the reason changes or a minute has passed, and says when it is over.
type patience struct {
	log     *slog.Logger
	server  string
	backoff *backoff.ExponentialBackOff
	said    string
	saidAt  time.Time
}

const (
	shortestPause = 50 * time.Millisecond
	longestPause  = 2 * time.Second
	sayAgainAfter = time.Minute
)

func newPatience(log *slog.Logger, server string) *patience {
	b := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(shortestPause),
		backoff.WithMaxInterval(longestPause),
		backoff.WithMaxElapsedTime(0))
	return &patience{log: log, server: server, backoff: b}
}

// wait returns after the pause, or with ctx's error.
func (p *patience) wait(ctx context.Context, err error) error {
	if msg := err.Error(); msg != p.said || time.Since(p.saidAt) > sayAgainAfter {
		p.said, p.saidAt = msg, time.Now()
		p.log.Warn("retrying", "status", "error", "server", p.server, "reason", msg+"; waiting and trying again")
	}
	timer := time.NewTimer(p.backoff.NextBackOff())
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// recovered ends the waiting.
func (p *patience) recovered() {
	if p.said == "" {
		return
	}
	p.said = ""
	p.backoff.Reset()
	p.log.Info("retrying", "status", "success", "server", p.server, "reason", p.server+" answers again")
}

// insist repeats op until it succeeds or ctx ends.
func insist(ctx context.Context, log *slog.Logger, server string, op func() error) error {
	p := newPatience(log, server)
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
