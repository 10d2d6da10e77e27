package streams

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/plural"
)

var (
	//go:embed stream_nack.lua
	nackSource string
	nackScript = redis.NewScript(needSource + dropSource + nackSource)
)

// Nack returns entries with an expired lease and their previous delivery count, so
// that another worker claims them at once. A quarantined attempt is uncounted. A
// delivery or an attempt marked as Failed stays counted.
func (s *Stream) Nack(ctx context.Context, held []Delivery) error {
	return s.nackHeld(ctx, held, s.opts.ClaimIdle)
}

// NackWithDelay is Nack for entries that can't be processed for now: they are
// claimed again, by any worker, only after a whole lease.
func (s *Stream) NackWithDelay(ctx context.Context, held []Delivery) error {
	return s.nackHeld(ctx, held, 0)
}

func (s *Stream) nackHeld(ctx context.Context, held []Delivery, idle time.Duration) error {
	err := s.nack(ctx, held, idle)
	if err == nil {
		s.release(len(held))
	}
	return err
}

// nack is Nack without releasing the deliveries. The entries are left as if they
// had been idle for the given time.
func (s *Stream) nack(ctx context.Context, held []Delivery, idle time.Duration) error {
	entries := make([]claimed, len(held))
	for i := range held {
		d := &held[i]
		entries[i] = claimed{id: d.ID, deliveries: d.Deliveries, attempts: noAttempts}
		switch {
		case d.Failed:
			entries[i].deliveries++
		case d.attempting:
			entries[i].attempts = d.Attempts - 1
		}
	}
	return s.nackEntries(ctx, entries, idle)
}

// nackEntries restores the counts of before the delivery: it sets them, so it may be
// repeated.
func (s *Stream) nackEntries(ctx context.Context, entries []claimed, idle time.Duration) error {
	for len(entries) > 0 {
		page := entries[:min(len(entries), maxLeasePage)]
		args := []any{s.opts.Group, s.opts.Consumer, idle.Milliseconds()}
		for _, c := range page {
			args = append(args, c.id, max(c.deliveries-1, 0), c.attempts)
		}
		missing, err := s.run(ctx, nackScript, s.keys.dropKeys(), args...).StringSlice()
		if isNoGroup(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("returning %s of %s: %w", plural.Of(len(page), "entry", "entries"), s.keys.Main, err)
		}
		s.reportMissing(missing)
		entries = entries[len(page):]
	}
	return nil
}
