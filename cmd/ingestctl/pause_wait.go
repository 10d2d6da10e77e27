package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ingestion/internal/logging"
	"ingestion/internal/plural"
	"ingestion/internal/retry"
	"ingestion/streams"
)

const (
	// heededWithin is the time in which workers stop reading.
	heededWithin = 2 * time.Second
	// stoppedPoll is how often the workers are looked at, and for how long nothing may be
	// delivered.
	stoppedPoll = time.Second
)

// holders adds up who holds entries; nil in list mode.
func (s *session) holders(ctx context.Context) (*streams.Holders, error) {
	return sourceOf(s).Holders(ctx)
}

var errResumed = errors.New("somebody has ended the pause meanwhile")

// awaitStopped waits until the workers have had the time to heed the pause, no live one
// holds an entry, and nothing is delivered.
func (s *session) awaitStopped(ctx context.Context, timeout time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	shown := progress{w: s.err, terminal: logging.CanRedraw(s.err), printed: time.Now()}
	defer shown.clear()
	pause, before := heededWithin, streams.Holders{LivePending: -1}
	for {
		if err := retry.Sleep(limited, pause); err != nil {
			return s.notStopped(ctx, timeout, before)
		}
		now, err := s.holders(ctx)
		if err == nil {
			err = s.stillPaused(ctx)
		}
		if err != nil {
			return err
		}
		if now.LivePending == 0 && now.Delivered == before.Delivered {
			return nil
		}
		pause, before = stoppedPoll, *now
		shown.print("waiting: " + heldBy(now))
	}
}

func (s *session) stillPaused(ctx context.Context) error {
	c, now, err := streams.ReadControl(ctx, s.redis, s.controlKey())
	if err == nil && !c.Active(now) {
		err = errResumed
	}
	return err
}

func (s *session) notStopped(ctx context.Context, timeout time.Duration, last streams.Holders) error {
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted; the queue stays paused")
	case last.LivePending < 0:
		return fmt.Errorf("not known after %v (--timeout); the queue stays paused", timeout)
	}
	return fmt.Errorf("not stopped after %v (--timeout): %s; the queue stays paused", timeout, heldBy(&last))
}

// heldBy says what workers hold.
func heldBy(h *streams.Holders) string {
	text := fmt.Sprintf("%s live, holding %s", plural.Of(len(h.Live), "consumer is", "consumers are"), plural.Of(h.LivePending, "entry", "entries"))
	if h.Silent > 0 {
		text += fmt.Sprintf("; silent ones hold %d, which others take after the pause", h.Silent)
	}
	return text
}
